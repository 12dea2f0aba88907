import { describe, expect, test } from 'vitest';
import type { ContentChunk } from './content.ts';
import { isOcirenderError } from './errors.ts';
import { ImageReader } from './image-reader.ts';
import { NO_XATTRS } from './metadata.ts';
import type { ImageNode, ImageSource } from './reader.ts';

const FIELDS = {
  size: 0,
  target: '',
  devMajor: 0,
  devMinor: 0,
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNs: 0,
  xattrs: NO_XATTRS,
};

/** A tree in memory: a record is a directory, a string a symbolic link, bytes a file. */
type Shape = { readonly [name: string]: Shape | string | Uint8Array | ImageNode };

let nextId = 0;

function node(part: Partial<ImageNode> & Pick<ImageNode, 'type'>): ImageNode {
  return { ...FIELDS, id: nextId++, ...part };
}

/** Holds a tree and counts how often it is closed. */
class MemorySource implements ImageSource {
  readonly format = 'memory';
  readonly facts = {};
  readonly times = { stepNs: 1 } as const;
  readonly randomAccess = true;
  readonly root: ImageNode;
  readonly #children = new Map<ImageNode, Map<string, ImageNode>>();
  readonly #bytes = new Map<ImageNode, Uint8Array>();
  closed = 0;

  constructor(shape: Shape) {
    this.root = this.#add(shape);
  }

  #add(shape: Shape[string]): ImageNode {
    if (typeof shape === 'string') return node({ type: 'symlink', target: shape, size: shape.length });
    if (shape instanceof Uint8Array) {
      const file = node({ type: 'file', size: shape.length });
      this.#bytes.set(file, shape);
      return file;
    }
    if (isNode(shape)) return shape;
    const directory = node({ type: 'directory' });
    const entries = Object.entries(shape).map(([name, child]) => [name, this.#add(child)] as const);
    this.#children.set(directory, new Map(entries));
    return directory;
  }

  async children(directory: ImageNode): Promise<[string, ImageNode][]> {
    return [...this.#children.get(directory)!].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  async lookup(directory: ImageNode, name: string): Promise<ImageNode | undefined> {
    if (name === '' || name === '.' || name === '..') throw new Error(`asked for "${name}"`);
    return this.#children.get(directory)!.get(name);
  }

  async *content(file: ImageNode, { start = 0, end = file.size } = {}): AsyncGenerator<ContentChunk> {
    yield this.#bytes.get(file)!.subarray(start, end);
  }

  async *contents(): AsyncGenerator<never> {}

  async close(): Promise<void> {
    this.closed++;
  }
}

function isNode(shape: Shape | ImageNode): shape is ImageNode {
  return 'xattrs' in shape && 'type' in shape && typeof shape['type'] === 'string' && 'id' in shape;
}

const text = (value: string): Uint8Array => Buffer.from(value);

async function textOf(image: ImageReader, path: string, options = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of image.read(path, options)) parts.push(chunk as Uint8Array);
  return Buffer.concat(parts).toString();
}

async function codeOf(action: Promise<unknown>): Promise<[string, string] | undefined> {
  try {
    await action;
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    return [error.code, error.message];
  }
  return undefined;
}

function open(shape: Shape): ImageReader {
  return new ImageReader(new MemorySource(shape));
}

describe('paths', () => {
  const image = open({
    etc: { passwd: text('root'), rel: '../bin/tool', abs: '/bin/tool', up: '../../../../bin/tool' },
    bin: { tool: text('tool') },
    lib: 'usr/lib',
    usr: { lib: { a: text('a') }, back: '../usr/./lib//' },
    empty: {},
  });

  test.each([
    ['etc/passwd', 'root'],
    ['/etc/passwd', 'root'],
    ['./etc//./passwd', 'root'],
    ['etc/../bin/tool', 'tool'],
    // The root's parent is the root.
    ['../../bin/tool', 'tool'],
    // What `..` leaves is where the link led, not where it stands.
    ['lib/../lib/a', 'a'],
    ['usr/back/a', 'a'],
    ['etc/rel', 'tool'],
    ['etc/abs', 'tool'],
    ['etc/up', 'tool'],
  ])('%s', async (path, wanted) => {
    expect(await textOf(image, path)).toBe(wanted);
  });

  test('a range', async () => {
    expect(await textOf(image, 'etc/passwd', { start: 1, end: 3 })).toBe('oo');
  });

  test.each(['', '/', '.', '..', 'etc/..', '../..'])('the root as "%s"', async (path) => {
    expect(await image.stat(path)).toBe(image.source.root);
  });

  test.each([
    ['missing', 'missing: no such name in the image'],
    ['etc/passwd/x', 'etc/passwd/x: no such name in the image'],
    ['etc/missing/../passwd', 'etc/missing/../passwd: no such name in the image'],
    ['a\nb', 'a\\x0ab: no such name in the image'],
  ])('%s is not there', async (path, message) => {
    expect(await codeOf(image.stat(path))).toEqual(['ERR_OCIRENDER_NOT_FOUND', message]);
  });

  test('stat follows a link at the end only when told to', async () => {
    expect(await image.stat('lib')).toMatchObject({ type: 'symlink', target: 'usr/lib', size: 7 });
    expect(await image.stat('lib', { follow: true })).toMatchObject({ type: 'directory' });
  });
});

describe('symbolic links', () => {
  test('loops end', async () => {
    const image = open({ a: 'b', b: 'a', self: 'self', deep: 'deep/x' });
    for (const path of ['a', 'b', 'self', 'deep']) {
      expect(await codeOf(image.stat(path, { follow: true }))).toEqual([
        'ERR_OCIRENDER_SYMLINK_LOOP',
        `${path}: more than 40 symbolic links on the way`,
      ]);
    }
  });

  test('40 links are followed, 41 are not', async () => {
    const shape: Record<string, Shape | string> = { l0: {} };
    for (let index = 1; index <= 41; index++) shape[`l${index}`] = `l${index - 1}`;
    const image = open(shape);
    expect(await image.stat('l40', { follow: true })).toMatchObject({ type: 'directory' });
    expect((await codeOf(image.stat('l41', { follow: true })))?.[0]).toBe('ERR_OCIRENDER_SYMLINK_LOOP');
  });

  test('targets that double with each link do not blow up', async () => {
    const shape: Record<string, string> = {};
    for (let index = 0; index < 30; index++) shape[`l${index}`] = `l${index + 1}/l${index + 1}`;
    expect((await codeOf(open(shape).stat('l0/x')))?.[0]).toBe('ERR_OCIRENDER_NOT_FOUND');
  });
});

describe('kinds', () => {
  const fifo = node({ type: 'fifo', xattrs: new Map([['user.a', text('1')]]) });
  const image = open({ fifo, dir: { file: text('x') }, link: 'dir', tolink: 'link' });

  test('list', async () => {
    const names = ({ name }: { name: string }): string => name;
    expect((await image.list('')).map(names)).toEqual(['dir', 'fifo', 'link', 'tolink']);
    expect((await image.list('tolink')).map(names)).toEqual(['file']);
    expect(await codeOf(image.list('fifo'))).toEqual([
      'ERR_OCIRENDER_NOT_FOUND',
      'fifo is not a directory: it is a fifo',
    ]);
  });

  test('readlink', async () => {
    expect(await image.readlink('tolink')).toBe('link');
    expect(await codeOf(image.readlink('/'))).toEqual([
      'ERR_OCIRENDER_NOT_FOUND',
      '/ is not a symbolic link: it is a directory',
    ]);
    expect(await codeOf(image.readlink(''))).toEqual([
      'ERR_OCIRENDER_NOT_FOUND',
      '/ is not a symbolic link: it is a directory',
    ]);
  });

  test('read', async () => {
    expect(await textOf(image, 'link/file')).toBe('x');
    expect(await codeOf(textOf(image, 'dir'))).toEqual([
      'ERR_OCIRENDER_NOT_FOUND',
      'dir is not a regular file: it is a directory',
    ]);
  });

  test('xattrs', async () => {
    expect(await image.xattrs('fifo')).toBe(fifo.xattrs);
  });
});

test('walk goes through directories first, bytewise, not through links', async () => {
  const image = open({ b: { z: {}, a: { deep: text('') } }, 'b-c': {}, B: {}, '\xff': '/', a: '/b' });
  const paths: string[] = [];
  for await (const { path } of image.walk()) paths.push(path);
  expect(paths).toEqual(['', 'B', 'a', 'b', 'b/a', 'b/a/deep', 'b/z', 'b-c', '\xff']);
});

test('walk bounds depth by memory, not by the call stack', async () => {
  const source = new MemorySource({});
  let depth = 0;
  source.children = async () => (depth++ < 20_000 ? [['d', source.root]] : []);
  let count = 0;
  for await (const _ of new ImageReader(source).walk()) count++;
  expect(count).toBe(20_001);
});

test('close closes the source', async () => {
  const source = new MemorySource({});
  await new ImageReader(source).close();
  expect(source.closed).toBe(1);
});
