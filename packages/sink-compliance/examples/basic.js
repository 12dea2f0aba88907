// Checks a sink against the contract without a test runner: prints one line for each rule.
import { readFile, writeFile } from 'node:fs/promises';
import { defineSink, throwIfAborted, walkTree } from '@ocirender/interface';
import { sinkChecks } from '@ocirender/sink-compliance';

// A sink that writes the names, one to a line: it keeps too little, and the suite says so.
const namesSink = defineSink({
  name: 'names',
  summary: 'Writes the names of all entries.',
  extensions: ['.names'],
  outputs: ['file'],
  options: {},
  open: async ({ output, signal }) => ({
    placement: 'any',
    write: async (content) => {
      if (!(content instanceof Uint8Array)) for await (const _chunk of content);
      return 0;
    },
    finish: async (tree) => {
      throwIfAborted(signal);
      const names = [...walkTree(tree)].map(({ path, inode }) => [path, inode.type]);
      const text = JSON.stringify(names);
      await writeFile(output.path, text);
      return { bytesWritten: Buffer.byteLength(text), details: { names: names.length } };
    },
    abort: async () => {},
  }),
});

const read = async (path) => {
  const names = JSON.parse(await readFile(path, 'utf8'));
  const nothing = { mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
  return new Map(names.map(([name, type]) => [name, { type, inode: name, ...nothing }]));
};

let passed = 0;
const failed = [];
for (const check of sinkChecks({ name: 'names', factory: () => namesSink, read })) {
  try {
    await check.run();
    passed++;
  } catch (error) {
    failed.push(`${check.name}: ${error.message.split('\n')[0]}`);
  }
}
console.log(
  `${passed} rules kept, ${failed.length} broken, for example:\n  ${failed.slice(0, 3).join('\n  ')}`,
);
if (passed < 10 || failed.length < 10) process.exitCode = 1;
