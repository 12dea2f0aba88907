// Reads all of a squashfs image: node bench/read.js IMAGE [threads]
import { performance } from 'node:perf_hooks';
import { openSquashfs } from '@ocirender/sink-squashfs';

const [path, threads = '1'] = process.argv.slice(2);
const started = performance.now();
const image = await openSquashfs(path, { threads: Number(threads) });
const files = new Map();
let names = 0;
for await (const { node } of image.walk()) {
  names++;
  if (node.type === 'file') files.set(node.id, node);
}
const walked = performance.now();
let bytes = 0;
for await (const { content } of image.source.contents(files.values())) {
  for await (const chunk of content) bytes += 'hole' in chunk ? chunk.hole : chunk.length;
}
const ended = performance.now();
await image.close();
const seconds = (from, to) => ((to - from) / 1000).toFixed(2);
console.log(
  `${names} names in ${seconds(started, walked)} s, ${files.size} files in ${seconds(walked, ended)} s`,
);
console.log(
  `${(bytes / 1e6).toFixed(0)} MB, ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB of memory`,
);
