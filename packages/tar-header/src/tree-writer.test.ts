import type {
  ByteString,
  Content,
  ContentChunk,
  Diagnostic,
  DirectoryInode,
  FileInode,
  Inode,
  Metadata,
  Tree,
} from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { readAll } from '../test/raw-tar.ts';
import { TarTreeWriter } from './tree-writer.ts';

const xattrs = new Map([['user.a', new Uint8Array([0, 255])]]);
const extraPax = new Map([['comment', new Uint8Array(Buffer.from('c'))]]);

function meta(change: Partial<Metadata> = {}): Metadata {
  return { mode: 0o755, uid: 1, gid: 2, mtime: 100, mtimeNs: 0, xattrs: new Map(), ...change };
}

function directory(
  children: Readonly<Record<ByteString, Inode>>,
  change: Partial<Metadata> = {},
): DirectoryInode {
  return { type: 'directory', ...meta(change), children: new Map(Object.entries(children)) };
}

function file(content: number | undefined, size: number, change: Partial<Metadata> = {}): FileInode {
  return { type: 'file', ...meta(change), content, size };
}

async function* chunks(...list: ContentChunk[]): AsyncGenerator<ContentChunk> {
  yield* list;
}

interface Step {
  path: ByteString;
  content: Content;
  size: number;
  extents?: { offset: number; length: number }[];
  metadata?: Metadata;
}

async function writeTar(
  steps: readonly Step[],
  tree: Tree,
): Promise<{ tar: Buffer; entries: number; codes: Diagnostic[] }> {
  const pieces: Buffer[] = [];
  const codes: Diagnostic[] = [];
  const writer = new TarTreeWriter(
    async (bytes) => void pieces.push(Buffer.from(bytes)),
    (diagnostic) => codes.push(diagnostic),
  );
  let expected = 0;
  for (const { path, content, metadata = meta(), ...info } of steps) {
    expect(await writer.writeContent(content, { ...info, placement: { path, metadata, extraPax } })).toBe(
      expected++,
    );
  }
  const { bytes, entries } = await writer.finish(tree);
  const tar = Buffer.concat(pieces);
  expect(bytes).toBe(tar.length);
  return { tar, entries, codes };
}

/** One line for each entry, one for each run of content. */
function outline(tar: Buffer): string[] {
  return readAll(tar).map((event) => {
    switch (event.type) {
      case 'entry': {
        const { type, path, linkTarget, size, uid, devMajor, devMinor } = event.entry;
        return `${type} ${path} ${linkTarget}${size} uid=${uid} ${devMajor}:${devMinor} ${[...event.entry.xattrs.keys()].join()} ${[...(event.entry.extraPax?.keys() ?? [])].join()}`.trim();
      }
      case 'data':
        return `data ${event.bytes.length}`;
      case 'hole':
        return `hole ${event.length}`;
      default:
        return event.type;
    }
  });
}

describe('TarTreeWriter', () => {
  test('contents first, the rest in walk order, directories last, every path once', async () => {
    const linked = file(0, 3, { xattrs });
    const empty = file(undefined, 0, { uid: 9, xattrs });
    const symlink: Inode = { type: 'symlink', target: 'x/y', ...meta() };
    const device: Inode = { type: 'block-device', devMajor: 7, devMinor: 1, ...meta() };
    const tree = {
      root: directory(
        {
          zdir: directory({ 'linked-again': linked, empty2: empty, device2: device }, { uid: 5 }),
          mdir: directory({ linked, symlink, empty, device, fifo: { type: 'fifo', ...meta() } }),
          alias: linked,
          asymlink: symlink,
        },
        { xattrs },
      ),
    };
    const { tar, entries, codes } = await writeTar(
      [{ path: 'mdir/linked', content: Buffer.from('abc'), size: 3, metadata: meta({ xattrs }) }],
      tree,
    );
    expect(codes).toStrictEqual([]);
    expect(entries).toBe(13);
    expect(outline(tar)).toStrictEqual([
      'file mdir/linked 3 uid=1 0:0 user.a comment',
      'data 3',
      'end-of-entry',
      'hardlink alias mdir/linked0 uid=1 0:0',
      'symlink asymlink x/y0 uid=1 0:0',
      'block-device mdir/device 0 uid=1 7:1',
      'file mdir/empty 0 uid=9 0:0 user.a',
      'fifo mdir/fifo 0 uid=1 0:0',
      'hardlink mdir/symlink asymlink0 uid=1 0:0',
      'hardlink zdir/device2 mdir/device0 uid=1 0:0',
      'hardlink zdir/empty2 mdir/empty0 uid=9 0:0',
      'hardlink zdir/linked-again mdir/linked0 uid=1 0:0',
      'directory zdir 0 uid=5 0:0',
      'directory mdir 0 uid=1 0:0',
      'directory . 0 uid=1 0:0 user.a',
    ]);
    expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
  });

  test('links that lead up or to the root follow their directory', async () => {
    const link = (target: string): Inode => ({ type: 'symlink', target, ...meta() });
    const up = link('x/../y');
    const root = directory({
      b: directory({ inside: link('x/..y'), up, 'up-too': up }),
      top: link('/'),
      upper: link('..'),
    });
    const { tar } = await writeTar([], { root });
    expect(outline(tar)).toStrictEqual([
      'symlink b/inside x/..y0 uid=1 0:0',
      'directory b 0 uid=1 0:0',
      'symlink b/up x/../y0 uid=1 0:0',
      'hardlink b/up-too b/up0 uid=1 0:0',
      'directory . 0 uid=1 0:0',
      'symlink top /0 uid=1 0:0',
      'symlink upper ..0 uid=1 0:0',
    ]);
  });

  test('streams, large and in pieces, with holes, which begin and end at whole blocks', async () => {
    const big = Buffer.alloc(300_000, 'b');
    const tree = {
      root: directory({
        big: file(0, 300_005),
        holey: file(1, 1000),
        sparse: file(2, 2000),
        whole: file(3, 2000),
      }),
    };
    const extents = [
      { offset: 600, length: 10 },
      { offset: 1999, length: 1 },
    ];
    const { tar } = await writeTar(
      [
        { path: 'big', content: chunks(big, Buffer.from('tail!')), size: 300_005 },
        { path: 'holey', content: chunks(Buffer.from('x'), { hole: 999 }), size: 1000 },
        {
          path: 'sparse',
          content: chunks({ hole: 600 }, Buffer.from('0123456789'), { hole: 1389 }, Buffer.from('a')),
          size: 2000,
          extents,
        },
        // The same file from somebody who does not know of holes.
        { path: 'whole', content: Buffer.alloc(2000, 'w'), size: 2000, extents },
      ],
      tree,
    );
    expect(outline(tar).slice(0, -1)).toStrictEqual([
      'file big 300005 uid=1 0:0  comment',
      'data 300005',
      'end-of-entry',
      'file holey 1000 uid=1 0:0  comment',
      'data 1000',
      'end-of-entry',
      ...['sparse', 'whole'].flatMap((name) => [
        `file ${name} 2000 uid=1 0:0  comment`,
        'hole 512',
        'data 512',
        'hole 512',
        'data 464',
        'end-of-entry',
      ]),
    ]);
  });

  test('many small files make the same bytes each time, in few writes', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `f${index}`);
    const make = async (): Promise<{ tar: Buffer }> =>
      writeTar(
        names.map((path) => ({ path, content: Buffer.from(path), size: path.length })),
        { root: directory(Object.fromEntries(names.map((name, index) => [name, file(index, name.length)]))) },
      );
    const first = await make();
    expect(first.tar).toHaveLength(5000 * 1024 + 512 + 1024 + 5000 * 1024);
    expect((await make()).tar.equals(first.tar)).toBe(true);
  });

  test('a socket is left out with a diagnostic', async () => {
    const { tar, codes } = await writeTar([], { root: directory({ s: { type: 'socket', ...meta() } }) });
    expect(codes.map(({ code, path }) => [code, path])).toStrictEqual([['not-representable', 's']]);
    expect(outline(tar)).toStrictEqual(['directory . 0 uid=1 0:0']);
  });

  test.each<[string, Tree, RegExp]>([
    ['a content that the tree does not use', { root: directory({}) }, /1 contents/],
    ['a content under another path', { root: directory({ other: file(0, 1) }) }, /1 contents/],
    ['other metadata', { root: directory({ a: file(0, 1, { uid: 3 }) }) }, /"a" is not what was written/],
    ['another size', { root: directory({ a: file(0, 2) }) }, /"a" is not what was written/],
    ['an unknown content', { root: directory({ a: file(7, 1) }) }, /"a" is not what was written/],
    [
      'a file without its content',
      { root: directory({ a: file(0, 1), b: file(undefined, 1) }) },
      /"b" has no content/,
    ],
  ])('%s: an error', async (_, tree, message) => {
    await expect(writeTar([{ path: 'a', content: Buffer.from('x'), size: 1 }], tree)).rejects.toThrow(
      message,
    );
  });

  test.each<[string, Content]>([
    ['an array', Buffer.from('xx')],
    ['a stream', chunks(Buffer.from('xx'))],
  ])('%s of another size than announced: an error', async (_, content) => {
    await expect(writeTar([{ path: 'a', content, size: 3 }], { root: directory({}) })).rejects.toThrow(
      '2 bytes instead of 3',
    );
  });
});
