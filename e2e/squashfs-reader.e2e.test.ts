import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareTrees,
  FULL_CAPABILITIES,
  type ReadTree,
  readImage,
} from '../packages/sink-compliance/src/index.ts';
import { COMPRESSIONS, openSquashfs } from '../packages/sink-squashfs/src/index.ts';
import { copyImage } from '../packages/sink-squashfs/src/testing/copy-image.ts';
import { must } from './support/run.ts';
import { listTree, withMount } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** Makes a tree with everything in it that a file system can hold; argument: the directory. */
const MAKE_TREE = String.raw`
import os, random, socket, stat, sys
os.chdir(sys.argv[1])
random.seed(4)
words = [bytes(random.choices(b'etaoinshrdlu', k=random.randint(2, 9))) for _ in range(900)]
def text(size):
    out = bytearray()
    while len(out) < size:
        out += random.choice(words) + b' '
    return bytes(out[:size])
def put(path, content):
    with open(path, 'wb') as file:
        file.write(content)
os.mkdir('sizes')
for size in (0, 1, 4095, 4096, 4097, 65535, 131071, 131072, 131073, 262144, 700001):
    put('sizes/text-%d' % size, text(size))
    put('sizes/noise-%d' % size, random.randbytes(size))
    put('sizes/zero-%d' % size, bytes(size))
put('program', open('/bin/bash', 'rb').read())
put('big', text(2**20) + random.randbytes(2**19) + bytes(2**20) + text(12345))
with open('sparse', 'wb') as file:
    file.seek(5 * 2**20 + 17)
    file.write(b'island')
    file.seek(9 * 2**20)
    file.write(text(150000))
    file.truncate(12 * 2**20 + 3)
with open('hole', 'wb') as file:
    file.truncate(2**20)
os.mkdir('many')
for i in range(400):
    put('many/%d' % i, text(i * 37 % 5000))
os.mkdir('thousands')
for i in range(3000):
    put('thousands/a file of a longish name, number %d' % i, b'')
os.mkdir('empty-directory', 0o1777)
deep = 'deep'
os.mkdir(deep)
for i in range(40):
    deep += '/%d' % i
    os.mkdir(deep)
put(deep + '/end', b'end')
os.mkdir('names')
for name in (b'new\nline', b'\xff\xfe', b'caf\xc3\xa9', b' ', b'\x01', b'back\\slash', b'x' * 255, b'.hidden', b'...', b'-rf'):
    put(b'names/' + name, name)
os.mkdir('links')
put('links/a', text(200000))
os.link('links/a', 'links/b')
os.link('links/a', 'hard')
os.symlink('links/a', 'soft')
os.link('soft', 'soft-too', follow_symlinks=False)
os.symlink('/nowhere/' + 'y' * 3000, 'dangling')
os.mknod('character', 0o640 | stat.S_IFCHR, os.makedev(4095, 1048575))
os.mknod('block', 0o660 | stat.S_IFBLK, os.makedev(8, 17))
os.link('block', 'block-too')
os.mkfifo('fifo', 0o622)
socket.socket(socket.AF_UNIX).bind('socket')
os.mkdir('attributes')
capability = bytes.fromhex('0100000200040000000000000000000000000000')
for i in range(30):
    path = 'attributes/%d' % i
    put(path, b'x' * i)
    os.setxattr(path, 'user.number', b'%d' % (i // 2))
    os.setxattr(path, 'trusted.binary', bytes(range(i)))
    os.setxattr(path, 'user.long', b'the same long value in all, which is stored once' * 20)
os.setxattr('program', 'security.capability', capability)
os.setxattr('attributes', 'user.empty', b'')
for path in ('character', 'fifo', 'socket', 'soft'):
    os.setxattr(path, 'trusted.special', path.encode(), follow_symlinks=False)
os.chmod('program', 0o4755)
for i, path in enumerate(('big', 'sparse', 'many', 'fifo')):
    os.chown(path, 1000 + i, 4000000000 + i)
os.chown('soft', 77, 78, follow_symlinks=False)
for i in range(250):
    os.chown('many/%d' % i, 100000 + i, i)
for path, time in (('big', 0), ('many', 4294967295), ('soft', 1), ('fifo', 2147483648)):
    os.utime(path, (time, time), follow_symlinks=False)
`;

let work: string;
let tree: string;
let tar: string;

beforeAll(async () => {
  work = await makeDirectory();
  tree = join(work, 'tree');
  tar = join(work, 'tree.tar');
  await must('mkdir', [tree]);
  await must('python3', ['-c', MAKE_TREE, tree]);
  await must('tar', ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-C', tree, '-cf', tar, '.']);
});

afterAll(() => removeDirectory(work));

/** Reads an image with our reader, with one thread and with several, which must agree. */
async function ours(image: string): Promise<ReadTree> {
  const trees: ReadTree[] = [];
  for (const threads of [1, 3]) {
    const reader = await openSquashfs(image, { threads });
    try {
      trees.push(await readImage(reader));
    } finally {
      await reader.close();
    }
  }
  const [one, several] = trees as [ReadTree, ReadTree];
  expect(compareTrees(several, one, FULL_CAPABILITIES)).toEqual([]);
  return one;
}

async function expectEqual(image: string, reference: ReadTree, least: number): Promise<ReadTree> {
  expect(reference.size).toBeGreaterThan(least);
  const read = await ours(image);
  expect(compareTrees(read, reference, FULL_CAPABILITIES)).toEqual([]);
  // compareTrees leaves out what not every sink can keep.
  for (const [path, entry] of reference) expect(read.get(path)!.links, path).toBe(entry.links);
  return read;
}

/** Compares with the kernel's own view of the image. */
async function expectKernelsView(image: string, least = 3500): Promise<ReadTree> {
  const reference = await withMount(image, join(work, 'mount'), listTree);
  return expectEqual(image, reference, least);
}

/** Compares with what unsquashfs makes of it: the kernel never had lzma. */
async function expectUnsquashedView(image: string): Promise<void> {
  const out = join(work, 'out');
  await must('unsquashfs', ['-no-progress', '-quiet', '-d', out, image]);
  try {
    await expectEqual(image, withDirectoryLinks(await listTree(out), await ours(image)), 3500);
  } finally {
    await must('rm', ['-rf', out]);
  }
}

/** Link counts of directories are the file system's own. */
function withDirectoryLinks(listed: ReadTree, read: ReadTree): ReadTree {
  return new Map(
    [...listed].map(([path, entry]) => {
      const links = entry.type === 'directory' ? read.get(path)?.links : entry.links;
      return [path, links === undefined ? entry : { ...entry, links }];
    }),
  );
}

describe('mksquashfs', () => {
  test.each([
    ['gzip', []],
    ['gzip', ['-noI', '-noD', '-noF', '-noX', '-noId']],
    ['gzip', ['-no-fragments', '-no-duplicates', '-no-exports']],
    ['gzip', ['-always-use-fragments', '-b', '4096', '-Xcompression-level', '1', '-Xwindow-size', '9']],
    ['gzip', ['-no-xattrs', '-no-sparse', '-noD']],
    ['lzo', []],
    ['lzo', ['-Xalgorithm', 'lzo1x_1', '-b', '1M', '-noF']],
    ['lz4', []],
    ['lz4', ['-Xhc', '-b', '64K', '-always-use-fragments', '-noI']],
    ['xz', ['-b', '1M']],
    ['xz', ['-Xbcj', 'x86', '-Xdict-size', '50%']],
    ['zstd', ['-Xcompression-level', '3']],
    ['zstd', ['-Xcompression-level', '19', '-b', '1M', '-always-use-fragments', '-noX']],
    ['lzma', []],
  ])('%s %j', async (compressor, flags) => {
    const image = join(work, 'image.squashfs');
    const options = ['-comp', compressor, ...flags, '-noappend', '-no-progress', '-quiet'];
    await must('mksquashfs', [tree, image, ...options]);
    if (compressor === 'lzma') await expectUnsquashedView(image);
    else await expectKernelsView(image);
  });

  test('an image that was appended to', async () => {
    const image = join(work, 'appended.squashfs');
    const more = ['-no-progress', '-quiet'];
    await must('mksquashfs', [join(tree, 'many'), image, '-noappend', ...more]);
    await must('mksquashfs', [join(tree, 'sizes'), join(tree, 'links'), image, ...more]);
    await expectKernelsView(image, 430);
  });
});

describe('tar2sqfs', () => {
  test.each([
    ['gzip', []],
    ['gzip', ['--no-tail-packing', '--exportable', '--no-xattr', '-b', '16384']],
    ['lzo', []],
    ['lz4', []],
    ['xz', []],
    ['zstd', ['--exportable']],
    ['lzma', []],
  ])('%s %j', async (compressor, flags) => {
    const image = join(work, 'image.squashfs');
    const options = ['--quiet', '--force', '-c', compressor, ...flags].join(' ');
    await must('sh', ['-c', `tar2sqfs ${options} ${image} < ${tar}`]);
    if (compressor === 'lzma') await expectUnsquashedView(image);
    else await expectKernelsView(image);
  });
});

describe('our own', () => {
  test.each(COMPRESSIONS)('%s', async (compression) => {
    const image = join(work, 'source.squashfs');
    await must('mksquashfs', [tree, image, '-noappend', '-no-progress', '-quiet', '-comp', 'lz4']);
    const copy = join(work, `${compression}.squashfs`);
    const reader = await openSquashfs(image);
    try {
      await copyImage(reader, copy, { compression });
      expect(compareTrees(await expectKernelsView(copy), await readImage(reader), FULL_CAPABILITIES)).toEqual(
        [],
      );
    } finally {
      await reader.close();
    }
  });
});
