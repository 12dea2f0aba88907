import { inode, type MemoryTree } from './memory-image.ts';

/** A tree with one of each kind, three names of one file, and files of several blocks. */
export function sampleTree(): MemoryTree {
  const shared = inode('file', { mode: 0o644, content: Buffer.from('shared'), links: 3 });
  const large = new Uint8Array(2_500_000);
  for (let index = 0; index < 300_000; index++) large[index] = index % 251;
  return new Map([
    ['', inode('directory')],
    ['bin', inode('symlink', { target: 'usr/bin', mode: 0o777 })],
    ['dev', inode('directory')],
    ['dev/console', inode('character-device', { mode: 0o600, devMajor: 5, devMinor: 1 })],
    ['dev/disk', inode('block-device', { mode: 0o660, devMajor: 8, devMinor: 0 })],
    ['dev/pipe', inode('fifo', { mode: 0o600 })],
    ['etc', inode('directory')],
    ['etc/empty', inode('file', { mode: 0o644 })],
    ['etc/hosts', inode('file', { mode: 0o644, content: Buffer.from('127.0.0.1 localhost\n') })],
    ['etc/passwd', inode('file', { mode: 0o644, content: Buffer.from('root:x:0:0\n') })],
    ['usr', inode('directory')],
    ['usr-local', inode('directory')],
    ['usr-local/one', shared],
    ['usr/bin', inode('directory')],
    ['usr/bin/large', inode('file', { content: large, links: 1 })],
    [
      'usr/bin/ping',
      inode('file', {
        content: Buffer.from('ping'),
        xattrs: new Map([['security.capability', Buffer.from([1, 2])]]),
      }),
    ],
    ['usr/bin/three', shared],
    ['usr/bin/two', shared],
  ]);
}
