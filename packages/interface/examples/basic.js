// Walks a small tree and parses a sink's options.
import { displayPath, NO_XATTRS, parseOptions, summarizeTree, walkTree } from '@ocirender/interface';

const metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: NO_XATTRS };
const shared = { type: 'file', size: 12, content: 0, ...metadata, mode: 0o644 };
const root = {
  type: 'directory',
  ...metadata,
  children: new Map([
    ['etc', { type: 'directory', ...metadata, children: new Map([['motd', shared]]) }],
    ['caf\xc3\xa9', shared],
  ]),
};

for (const { path, inode } of walkTree({ root }))
  console.log(inode.type.padEnd(10), displayPath(path) || '/');
console.log(summarizeTree({ root }));
console.log(
  parseOptions(
    { 'block-size': { type: 'size', default: 131072, description: '' } },
    { 'block-size': '1M' },
    'demo',
  ),
);
