// Keeps and removes entries until it is killed: `node keep-forever.js DIRECTORY write|prune|convert`.
import { rm } from 'node:fs/promises';
import { LayerCache } from '@ocirender/layer-cache';
import { convertDemo } from './convert-demo.js';
import { eventsOf, keyOf, LIMITS } from './entries.js';

const [directory, what] = process.argv.slice(2);
console.log('begun');
for (let turn = 0; ; turn++) {
  const cache = await LayerCache.open(directory, { maxBytes: what === 'convert' ? 2_000_000 : 200_000 });
  if (what === 'prune') {
    await cache.prune(turn % 10 === 0 ? { all: true } : { maxBytes: 60_000 });
    continue;
  }
  if (what === 'convert') {
    const output = `${directory}.${process.pid}`;
    await convertDemo(output, cache, turn);
    await rm(output);
    continue;
  }
  const number = Math.floor(Math.random() * 40);
  const recorder = cache.recordHeaders(keyOf(number), LIMITS);
  for (const event of eventsOf(number)) recorder.add(event);
  await recorder.commit(number);
}
