import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  type ContentChunk,
  type ImageNode,
  type ImageReader,
  isOcirenderError,
  isReader,
} from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/session.ts';
import { setXattr } from '../../test/xattrs.ts';
import { directoryReader, openDirectory } from './directory-reader.ts';

async function bytesOf(content: AsyncIterable<ContentChunk>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of content) parts.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(parts);
}

async function failure(action: Promise<unknown>): Promise<{ code: string; message: string } | undefined> {
  try {
    await action;
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    return { code: error.code, message: error.message };
  }
  return undefined;
}

async function paths(image: ImageReader): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of image.walk()) found.push(path);
  return found;
}

const bytewise = (a: string, b: string): number => (a < b ? -1 : 1);
const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number => bytewise(a[0], b[0]);

test('the reader', async () => {
  expect(isReader(directoryReader)).toBe(true);
  expect([directoryReader.name, directoryReader.magic]).toEqual(['dir', []]);
  const path = temporaryDirectory();
  const source = await directoryReader.open(path);
  expect(source).toMatchObject({ format: 'dir', times: { stepNs: 1 }, randomAccess: true });
  expect(source.facts).toEqual({ path, xattrs: true, isRoot: process.geteuid!() === 0 });
  await source.close();
});

test('kinds, links, times and modes', async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/file'), 'hello');
  chmodSync(join(root, 'd/file'), 0o4640);
  linkSync(join(root, 'd/file'), join(root, 'other'));
  writeFileSync(join(root, 'alike'), 'hello');
  symlinkSync(Buffer.from('d\xff', 'latin1'), join(root, 'link'));
  utimesSync(join(root, 'd/file'), new Date(0), new Date(-250));
  const server = createServer().listen(join(root, 'socket'));
  const image = await openDirectory(root);
  expect(await paths(image)).toEqual(['', 'alike', 'd', 'd/file', 'link', 'other', 'socket']);
  const file = await image.stat('d/file');
  const { uid, gid } = await image.stat('');
  expect(file).toMatchObject({ type: 'file', size: 5, mode: 0o4640, uid, gid, links: 2 });
  expect([file.mtime, file.mtimeNs]).toEqual([-1, 750_000_000]);
  expect((await image.stat('other')).id).toBe(file.id);
  expect((await image.stat('alike')).id).not.toBe(file.id);
  expect(await image.stat('link')).toMatchObject({ type: 'symlink', target: 'd\xff', size: 2, mode: 0o777 });
  expect(await image.stat('socket')).toMatchObject({ type: 'socket', size: 0 });
  expect((await bytesOf(image.read('d/file'))).toString()).toBe('hello');
  expect((await bytesOf(image.read('d/file', { start: 1, end: 3 }))).toString()).toBe('el');
  expect((await bytesOf(image.read('d/file', { start: 4, end: 99 }))).toString()).toBe('o');
  await image.close();
  await new Promise((resolve) => server.close(resolve));
});

test('a root that is a symbolic link is what it leads to', async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'real'));
  writeFileSync(join(root, 'real/file'), 'x');
  symlinkSync('real', join(root, 'link'));
  const image = await openDirectory(join(root, 'link'));
  expect(image.source.root.type).toBe('directory');
  expect(await paths(image)).toEqual(['', 'file']);
});

test('links in the tree are not followed out of it', async () => {
  const root = temporaryDirectory();
  symlinkSync('/etc', join(root, 'abs'));
  symlinkSync('../../../../etc', join(root, 'rel'));
  const image = await openDirectory(root);
  expect(await paths(image)).toEqual(['', 'abs', 'rel']);
  expect((await failure(image.stat('abs', { follow: true })))?.code).toBe('ERR_OCIRENDER_NOT_FOUND');
  expect((await failure(image.stat('rel/passwd')))?.code).toBe('ERR_OCIRENDER_NOT_FOUND');
});

test('attributes, empty and binary ones too', async () => {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'file'), '');
  const isSet = setXattr(join(root, 'file'), 'user.b', '1') && setXattr(join(root, 'file'), 'user.a', '');
  const image = await openDirectory(root);
  expect([...(await image.xattrs('file'))].sort(byName)).toEqual(
    isSet
      ? [
          ['user.a', new Uint8Array()],
          ['user.b', new Uint8Array([0x31])],
        ]
      : [],
  );
});

test('any name of bytes', async () => {
  const names = fc.uniqueArray(
    fc
      .uint8Array({ minLength: 1, maxLength: 12 })
      .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll(/[\0/]/g, '_'))
      .filter((name) => name !== '.' && name !== '..'),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(names, async (list) => {
      const root = temporaryDirectory();
      for (const name of list)
        writeFileSync(Buffer.from(`${root}/${name}`, 'latin1'), Buffer.from(name, 'latin1'));
      const image = await openDirectory(root);
      expect((await image.list('')).map(({ name }) => name)).toEqual([...list].sort(bytewise));
      for (const name of list) {
        expect((await bytesOf(image.read(name))).toString('latin1')).toBe(name);
      }
    }),
    { numRuns: 40 },
  );
});

test('paths longer than the system takes at once', async () => {
  const root = temporaryDirectory();
  const name = 'n'.repeat(250);
  let at = openSync(root, 'r');
  for (let level = 0; level < 40; level++) {
    mkdirSync(`/proc/self/fd/${at}/${name}`);
    const next = openSync(`/proc/self/fd/${at}/${name}`, 'r');
    closeSync(at);
    at = next;
  }
  writeFileSync(`/proc/self/fd/${at}/file`, 'at the bottom');
  closeSync(at);
  const image = await openDirectory(root);
  const found = await paths(image);
  expect([found.length, found.at(-1)]).toEqual([42, `${`${name}/`.repeat(40)}file`]);
  expect((await bytesOf(image.read(found.at(-1)!))).toString()).toBe('at the bottom');
  // rm(2) of Node cannot do it at once.
  for (let level = 0; level < 39; level++) {
    renameSync(join(root, name, name), join(root, 'next'));
    rmdirSync(join(root, name));
    renameSync(join(root, 'next'), join(root, name));
  }
});

describe('contents', () => {
  test('many files, each inode once, some left unread', async () => {
    const root = temporaryDirectory();
    for (let index = 0; index < 50; index++) writeFileSync(join(root, `${index}`), 'x'.repeat(index * 100));
    linkSync(join(root, '7'), join(root, 'seven'));
    const image = await openDirectory(root);
    const nodes = (await image.list('')).map(({ node }) => node);
    const sizes: number[] = [];
    for await (const { node, content } of image.source.contents(nodes)) {
      sizes.push(node.size);
      if (node.size % 200 === 0) expect((await bytesOf(content)).length).toBe(node.size);
    }
    expect(sizes.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index * 100));
  });

  test('a large file comes in pieces', async () => {
    const root = temporaryDirectory();
    const bytes = Buffer.alloc(2_500_000, 'some text ');
    writeFileSync(join(root, 'large'), bytes);
    const image = await openDirectory(root);
    expect((await bytesOf(image.read('large'))).equals(bytes)).toBe(true);
    const part = await bytesOf(image.read('large', { start: 1_048_570, end: 2_097_160 }));
    expect(part.equals(bytes.subarray(1_048_570, 2_097_160))).toBe(true);
  });

  test('an abort stops them', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'file'), 'x');
    const image = await openDirectory(root);
    const error = await failure(bytesOf(image.read('file', { signal: AbortSignal.abort() })));
    expect(error?.code).toBe('ERR_OCIRENDER_ABORTED');
    expect((await failure(openDirectory(root, { signal: AbortSignal.abort() })))?.code).toBe(
      'ERR_OCIRENDER_ABORTED',
    );
  });
});

describe('what goes wrong', () => {
  test('no directory', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'file'), '');
    for (const path of [join(root, 'missing'), join(root, 'file'), '']) {
      expect((await failure(openDirectory(path)))?.code).toBe('ERR_OCIRENDER_IO');
    }
  });

  const changes: [string, (file: string) => void][] = [
    ['vanishes', (file) => rmSync(file)],
    ['shrinks', (file) => truncateSync(file, 2)],
    ['grows', (file) => appendFileSync(file, 'more')],
    [
      'becomes a link',
      (file) => {
        rmSync(file);
        symlinkSync('/etc/passwd', file);
      },
    ],
    [
      'becomes a directory',
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ];

  test.each(changes)('a file that %s', async (_, change) => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'f\n'), 'hello');
    const image = await openDirectory(root);
    const file = await image.stat('f\n');
    change(join(root, 'f\n'));
    const error = await failure(bytesOf(image.source.content(file)));
    expect(error).toEqual({
      code: 'ERR_OCIRENDER_IO',
      message: expect.stringContaining('f\\x0a cannot be read: ') as string,
    });
  });

  test('a directory that vanishes, or becomes a link', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'd'));
    const image = await openDirectory(root);
    const directory: ImageNode = await image.stat('d');
    rmSync(join(root, 'd'), { recursive: true });
    expect((await failure(image.source.children(directory)))?.code).toBe('ERR_OCIRENDER_IO');
    symlinkSync('/', join(root, 'd'));
    expect((await failure(image.source.children(directory)))?.code).toBe('ERR_OCIRENDER_IO');
  });

  test('names that cannot be', async () => {
    const image = await openDirectory(temporaryDirectory());
    for (const name of ['a\0', 'a/b', '', 'x'.repeat(300), 'x'.repeat(5000)]) {
      expect(await image.source.lookup(image.source.root, name)).toBeUndefined();
    }
  });

  test('a wrong kind', async () => {
    const image = await openDirectory(temporaryDirectory());
    const { root } = image.source;
    expect(() => image.source.content(root)).toThrow('a directory has no contents');
  });
});
