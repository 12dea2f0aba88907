import { type Diagnostic, displayPath, type Inode, isOcirenderError, walkTree } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { mergeLayers } from './merge.ts';
import type { MergePolicy } from './policy.ts';
import { MemorySession } from './testing/memory-sink.ts';
import type { ModelEntry } from './testing/model.ts';
import { dir, file, hardlink, layersOf, member, symlink } from './testing/stack.ts';

// Each test is one row of docs/semantics.md, under the same words.

interface Merged {
  /** Path to a short form: `-text` file, `d` directory, `l->target`, `c1:3`, `p`. */
  tree: Record<string, string>;
  inode: (path: string) => Inode;
  codes: string[];
}

async function merge(
  stack: ModelEntry[][],
  policy: Partial<MergePolicy> = {},
  sourceDateEpoch?: number,
): Promise<Merged> {
  const session = new MemorySession();
  const diagnostics: Diagnostic[] = [];
  const { tree } = await mergeLayers({
    layers: layersOf(stack),
    openSession: async () => session,
    policy,
    diagnose: (diagnostic) => diagnostics.push(diagnostic),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  });
  const shown: Record<string, string> = {};
  const inodes = new Map<string, Inode>();
  for (const { path, inode } of walkTree(tree)) {
    inodes.set(path, inode);
    if (path !== '') shown[path] = short(inode, session.contents);
  }
  for (const { layer, code } of diagnostics)
    expect([code, layer]).toEqual([code, expect.stringMatching(/^sha256:/)]);
  return { tree: shown, inode: (path) => inodes.get(path)!, codes: diagnostics.map(({ code }) => code) };
}

function short(inode: Inode, contents: readonly string[]): string {
  switch (inode.type) {
    case 'file':
      return `-${inode.content === undefined ? '' : contents[inode.content]}`;
    case 'directory':
      return 'd';
    case 'symlink':
      return `l->${inode.target}`;
    case 'fifo':
      return 'p';
    case 'character-device':
    case 'block-device':
      return `${inode.type[0]}${inode.devMajor}:${inode.devMinor}`;
    case 'socket':
      return 's';
  }
}

async function code(stack: ModelEntry[][], policy: Partial<MergePolicy> = {}): Promise<string> {
  try {
    await merge(stack, policy);
  } catch (error) {
    if (isOcirenderError(error)) return error.code;
    throw error;
  }
  return 'no error';
}

const lenient = { lenient: true };

describe('within one layer', () => {
  it('one path twice', async () => {
    const { tree, inode } = await merge([
      [
        file('a', '1', { mode: 0o600 }),
        file('a', '2', { mode: 0o640 }),
        dir('d', { mode: 0o700 }),
        file('d/x', 'x'),
        dir('d', { mode: 0o711 }),
      ],
    ]);
    expect(tree).toEqual({ a: '-2', d: 'd', 'd/x': '-x' });
    expect([inode('a').mode, inode('d').mode]).toEqual([0o640, 0o711]);
  });

  it('a link whose target is replaced afterwards', async () => {
    const { tree, inode } = await merge([[file('a', '1'), hardlink('b', 'a'), file('a', '2')]]);
    expect(tree).toEqual({ a: '-2', b: '-1' });
    expect(inode('a')).not.toBe(inode('b'));
  });

  it('whiteout of x and an entry x', async () => {
    for (const upper of [
      [member('.wh.x'), file('x', 'new')],
      [file('x', 'new'), member('.wh.x')],
    ]) {
      expect((await merge([[file('x', 'old')], upper])).tree).toEqual({ x: '-new' });
    }
  });

  it('whiteout of d and a new d', async () => {
    const parts = [member('.wh.d'), dir('d', { mode: 0o700 }), file('d/new', 'n')];
    for (const upper of [parts, [parts[1]!, parts[2]!, parts[0]!], [parts[1]!, parts[0]!, parts[2]!]]) {
      const { tree, inode } = await merge([[dir('d'), file('d/old', 'o'), dir('d/sub')], upper]);
      expect(tree).toEqual({ d: 'd', 'd/new': '-n' });
      expect(inode('d').mode).toBe(0o700);
    }
  });

  it('opaque marker before, between or after its siblings', async () => {
    const [marker, first, second] = [member('d/.wh..wh..opq'), file('d/a', '1'), file('d/b', '2')];
    for (const upper of [
      [dir('d'), marker, first, second],
      [dir('d'), first, marker, second],
      [dir('d'), first, second, marker],
    ]) {
      const { tree } = await merge([[dir('d'), file('d/a', 'old'), file('d/c', 'old')], upper]);
      expect(tree).toEqual({ d: 'd', 'd/a': '-1', 'd/b': '-2' });
    }
  });

  it('opaque marker without a directory entry', async () => {
    const { tree, inode } = await merge([
      [dir('d', { mode: 0o711, uid: 7 }), file('d/x', 'x')],
      [member('d/.wh..wh..opq')],
    ]);
    expect(tree).toEqual({ d: 'd' });
    expect([inode('d').mode, inode('d').uid]).toEqual([0o711, 7]);
  });

  it('opaque marker at the root', async () => {
    expect(
      (
        await merge([
          [file('a', '1'), dir('d')],
          [member('.wh..wh..opq'), file('b', '2')],
        ])
      ).tree,
    ).toEqual({ b: '-2' });
  });

  it.each(['.wh.', '.wh..', '.wh...', 'd/.wh.'])('invalid whiteout %j', async (name) => {
    expect(await code([[member(name)]])).toBe('ERR_OCIRENDER_INVALID_WHITEOUT');
    expect(await code([[member(name)]], lenient)).toBe('ERR_OCIRENDER_INVALID_WHITEOUT');
  });

  it('AUFS leftovers', async () => {
    const { tree, codes } = await merge([
      [
        member('.wh..wh.aufs'),
        dir('.wh..wh.plnk'),
        file('.wh..wh.plnk/1.2', 'x'),
        dir('.wh..wh.orph'),
        file('a', '1'),
      ],
    ]);
    expect(tree).toEqual({ a: '-1' });
    expect(codes).toEqual(Array(4).fill('aufs-metadata-dropped'));
  });

  it('whiteout of what does not exist', async () => {
    expect(
      (await merge([[file('a', '1')], [member('x/y/.wh.z'), member('.wh.q'), member('m/.wh..wh..opq')]]))
        .tree,
    ).toEqual({ a: '-1' });
  });

  it('hard link before its target', async () => {
    const { tree, inode } = await merge([[hardlink('c', 'b'), hardlink('b', 'a'), file('a', '1')]]);
    expect(tree).toEqual({ a: '-1', b: '-1', c: '-1' });
    expect([inode('b'), inode('c')]).toEqual([inode('a'), inode('a')]);
    expect((await merge([[hardlink('b', 'a'), file('b', 'own'), file('a', '1')]])).tree).toEqual({
      a: '-1',
      b: '-own',
    });
  });

  it('hard link to itself', async () => {
    const { tree, codes } = await merge([[file('a', '1'), hardlink('a', './a')]]);
    expect([tree, codes]).toEqual([{ a: '-1' }, ['hardlink-to-self']]);
  });

  it('hard link to a directory', async () => {
    expect(await code([[dir('d'), hardlink('x', 'd')]])).toBe('ERR_OCIRENDER_INVALID_HARDLINK');
    expect(await code([[hardlink('x', '/')]])).toBe('ERR_OCIRENDER_INVALID_HARDLINK');
  });

  it('hard link to nothing', async () => {
    expect(await code([[hardlink('x', 'nothing')]])).toBe('ERR_OCIRENDER_INVALID_HARDLINK');
    const { tree, codes } = await merge([[hardlink('x', 'nothing'), file('a', '1')]], lenient);
    expect([tree, codes]).toEqual([{ a: '-1' }, ['hardlink-dropped']]);
  });

  it('entry below a regular file of the same layer', async () => {
    expect(await code([[file('f', '1'), file('f/x', '2')]])).toBe('ERR_OCIRENDER_CONFLICT');
    const { tree, codes } = await merge([[file('f', '1'), file('f/x', '2')]], lenient);
    expect([tree, codes]).toEqual([{ f: 'd', 'f/x': '-2' }, ['entry-below-file']]);
  });

  it('path through a symlink of the same layer', async () => {
    const { tree } = await merge([[dir('real'), symlink('s', '../../real'), file('s/x', '1')]]);
    expect(tree).toEqual({ real: 'd', 'real/x': '-1', s: 'l->../../real' });
  });
});

describe('across layers', () => {
  it('non-directory over directory, and back', async () => {
    const { tree } = await merge([[dir('d'), file('d/x', '1')], [file('d', 'file')], [dir('d')]]);
    expect(tree).toEqual({ d: 'd' });
    expect((await merge([[file('d', 'f')], [dir('d'), file('d/x', '1')]])).tree).toEqual({
      d: 'd',
      'd/x': '-1',
    });
  });

  it('directory over directory', async () => {
    const { tree, inode } = await merge([
      [dir('d', { mode: 0o700, uid: 1, xattrs: { 'user.a': '1' } }), file('d/x', '1')],
      [dir('d', { mode: 0o711, gid: 2, mtime: 5, xattrs: { 'user.b': '2' } }), file('d/y', '2')],
    ]);
    expect(tree).toEqual({ d: 'd', 'd/x': '-1', 'd/y': '-2' });
    expect(inode('d')).toMatchObject({ mode: 0o711, uid: 0, gid: 2, mtime: 5 });
    expect([...inode('d').xattrs.keys()]).toEqual(['user.b']);
  });

  it('hard link to a file of a lower layer', async () => {
    const { tree, inode } = await merge([
      [file('a', 'v0')],
      [file('a', 'v1'), file('z', 'z')],
      [hardlink('b', 'a')],
    ]);
    expect(tree).toEqual({ a: '-v1', b: '-v1', z: '-z' });
    expect(inode('a')).toBe(inode('b'));
  });

  it('link group with one member overwritten or whited out', async () => {
    const group = [file('a', 'v0'), hardlink('b', 'a'), hardlink('c', 'a')];
    const overwritten = await merge([group, [file('a', 'new')]]);
    expect(overwritten.tree).toEqual({ a: '-new', b: '-v0', c: '-v0' });
    expect(overwritten.inode('b')).toBe(overwritten.inode('c'));
    const removed = await merge([group, [member('.wh.a')]]);
    expect(removed.tree).toEqual({ b: '-v0', c: '-v0' });
    expect(removed.inode('b')).toBe(removed.inode('c'));
  });

  it('link whose lower target is whited out by the same layer', async () => {
    for (const upper of [
      [member('.wh.a'), hardlink('b', 'a')],
      [hardlink('b', 'a'), member('.wh.a')],
    ]) {
      expect((await merge([[file('a', 'v0')], upper])).tree).toEqual({ b: '-v0' });
    }
  });

  it('link header metadata differs', async () => {
    const { inode, codes } = await merge([
      [file('a', '1', { mode: 0o600, xattrs: { 'user.a': '1', 'user.k': 'old' } })],
      [
        hardlink('b', 'a', {
          mode: 0o640,
          uid: 3,
          gid: 4,
          mtime: 9,
          mtimeNs: 8,
          xattrs: { 'user.k': 'new' },
        }),
      ],
    ]);
    expect(inode('a')).toMatchObject({ mode: 0o640, uid: 3, gid: 4, mtime: 9, mtimeNs: 8 });
    expect([...inode('a').xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString()}`)).toEqual(
      ['user.a=1', 'user.k=new'],
    );
    expect(codes).toEqual(['hardlink-metadata-differs']);
  });

  it('hard link to a symlink, device or FIFO', async () => {
    const { tree, inode } = await merge([
      [
        symlink('s', 't'),
        member('p', { type: 'fifo' }),
        member('n', { type: 'character-device', devMajor: 1, devMinor: 3 }),
      ],
      [hardlink('s2', 's', { mode: 0o777 }), hardlink('p2', 'p'), hardlink('n2', 'n')],
    ]);
    expect(tree).toEqual({ n: 'c1:3', n2: 'c1:3', p: 'p', p2: 'p', s: 'l->t', s2: 'l->t' });
    expect([inode('s2'), inode('p2'), inode('n2')]).toEqual([inode('s'), inode('p'), inode('n')]);
  });

  it('lib/foo without a lib/ entry over a symlink lib', async () => {
    const stack = [[dir('usr'), dir('usr/lib'), symlink('lib', 'usr/lib')], [file('lib/foo', '1')]];
    const followed = await merge(stack);
    expect(followed.tree).toEqual({ lib: 'l->usr/lib', usr: 'd', 'usr/lib': 'd', 'usr/lib/foo': '-1' });
    expect(followed.codes).toEqual(['symlinked-parent']);
    const replaced = await merge(stack, { parentSymlinks: 'replace' });
    expect(replaced.tree).toEqual({ lib: 'd', 'lib/foo': '-1', usr: 'd', 'usr/lib': 'd' });
    expect(replaced.codes).toEqual(['symlinked-parent']);
    expect(await code(stack, { parentSymlinks: 'error' })).toBe('ERR_OCIRENDER_CONFLICT');
  });

  it('lib/ entry over a lower symlink lib', async () => {
    const stack = [
      [dir('usr'), dir('usr/lib'), symlink('lib', 'usr/lib')],
      [dir('lib'), file('lib/foo', '1')],
    ];
    const replaced = await merge(stack);
    expect(replaced.tree).toEqual({ lib: 'd', 'lib/foo': '-1', usr: 'd', 'usr/lib': 'd' });
    expect(replaced.codes).toEqual(['directory-over-symlink']);
    const kept = await merge(stack, { keepDirlinks: true });
    expect(kept.tree).toEqual({ lib: 'l->usr/lib', usr: 'd', 'usr/lib': 'd', 'usr/lib/foo': '-1' });
  });

  it('whiteout through a symlinked parent', async () => {
    const lower = [dir('usr'), dir('usr/lib'), file('usr/lib/foo', '1'), symlink('lib', '/usr/lib')];
    expect((await merge([lower, [member('lib/.wh.foo')]])).tree).toEqual({
      lib: 'l->/usr/lib',
      usr: 'd',
      'usr/lib': 'd',
    });
    expect((await merge([lower, [member('lib/.wh..wh..opq')]])).tree).toEqual({
      lib: 'l->/usr/lib',
      usr: 'd',
      'usr/lib': 'd',
    });
  });

  it('missing parents', async () => {
    const { tree, inode } = await merge([[dir('a', { mode: 0o700, mtime: 7 })], [file('a/b/c', '1')]]);
    expect(tree).toEqual({ a: 'd', 'a/b': 'd', 'a/b/c': '-1' });
    expect(inode('a')).toMatchObject({ mode: 0o700, mtime: 7 });
    expect(inode('a/b')).toMatchObject({ mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 });
    expect((await merge([[file('x/y', '1')]], {}, 1_700_000_000)).inode('x').mtime).toBe(1_700_000_000);
  });

  it('a child added above', async () => {
    const { inode } = await merge([[dir('d', { mtime: 11 })], [file('d/x', '1')], [member('d/.wh.x')]]);
    expect(inode('d').mtime).toBe(11);
  });

  it.each(['./', '/', '.'])('root entry %j', async (name) => {
    const { inode } = await merge([
      [dir(name, { mode: 0o700, uid: 1 })],
      [dir(name, { mode: 0o711, mtime: 5, xattrs: { 'user.r': '1' } })],
    ]);
    expect(inode('')).toMatchObject({ mode: 0o711, uid: 0, mtime: 5 });
    expect([...inode('').xattrs.keys()]).toEqual(['user.r']);
    expect((await merge([[file('a', '1')]])).inode('')).toMatchObject({
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: 0,
    });
  });
});

describe('names and metadata', () => {
  it('names are bytes', async () => {
    const { tree } = await merge([
      [file('\xff\xfe', '1'), file('caf\xc3\xa9', '2'), file('cafe\xcc\x81', '3'), file('a\nb', '4')],
    ]);
    expect(Object.keys(tree)).toEqual(['a\nb', 'cafe\xcc\x81', 'caf\xc3\xa9', '\xff\xfe']);
    expect(displayPath('\xff')).toBe('\\xff');
  });

  it.each(['./a', '/a', './/a', './././a', '/./a'])('spelling %j is a', async (spelled) => {
    expect((await merge([[file('a', 'old')], [file(spelled, 'new')]])).tree).toEqual({ a: '-new' });
  });

  it('dot-dot', async () => {
    expect((await merge([[dir('a'), file('a/../b', '1')]])).tree).toEqual({ a: 'd', b: '-1' });
    expect(await code([[file('../x', '1')]])).toBe('ERR_OCIRENDER_PATH_ESCAPE');
    expect(await code([[file('a', '1'), hardlink('b', '../../a')]])).toBe('ERR_OCIRENDER_PATH_ESCAPE');
    const { tree, codes } = await merge([[file('../../x', '1')]], lenient);
    expect([tree, codes]).toEqual([{ x: '-1' }, ['path-clamped']]);
  });

  it('the id that Linux has no name for', async () => {
    const { inode, codes } = await merge([[file('f', '', { uid: 0xffff_ffff, gid: 1 })]]);
    expect([inode('f').uid, codes]).toEqual([0xffff_ffff, ['overflow-id']]);
  });

  it('symbolic links that no filesystem holds', async () => {
    const lower = [file('empty', 'old')];
    for (const [target, problem] of [
      ['', 'an empty target'],
      ['t'.repeat(4096), 'a target of 4096 bytes'],
    ] as const) {
      const stack = [lower, [symlink('empty', target), file('new', '')]];
      await expect(merge(stack)).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_INVALID_SYMLINK',
        message: expect.stringContaining(`the symbolic link "empty" has ${problem}`) as string,
      });
      const { tree, codes } = await merge(stack, { lenient: true });
      expect([tree, codes]).toEqual([{ empty: '-old', new: '-' }, ['symlink-dropped']]);
    }
    expect((await merge([[symlink('l', 't'.repeat(4095))]])).codes).toEqual([]);
    const link = [[hardlink('l', ''), file('f', '')]];
    await expect(merge(link)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_INVALID_HARDLINK' });
    const { tree, codes } = await merge(link, { lenient: true });
    expect([tree, codes]).toEqual([{ f: '-' }, ['hardlink-dropped']]);
  });

  it('symlink targets', async () => {
    const { tree } = await merge([
      [symlink('a', '../../../etc/passwd'), symlink('b', '/abs//x/./y'), symlink('c', '\xff')],
    ]);
    expect(tree).toEqual({ a: 'l->../../../etc/passwd', b: 'l->/abs//x/./y', c: 'l->\xff' });
  });

  it('ids, times and modes', async () => {
    const meta = { mode: 0o7777, uid: 4_294_967_295, gid: 3_000_000_000, mtime: -1000, mtimeNs: 999_999_999 };
    expect((await merge([[file('a', '1', meta)]])).inode('a')).toMatchObject(meta);
  });

  it('xattrs', async () => {
    const xattrs = { 'user.bin': '\x00=\xff\n', 'security.capability': '\x01\x00\x00\x02', 'trusted.t': '' };
    const { inode } = await merge([[file('a', '1', { xattrs })]]);
    expect(
      Object.fromEntries(
        [...inode('a').xattrs].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
      ),
    ).toEqual(xattrs);
  });

  it('overlayfs xattrs', async () => {
    const stack = [
      [dir('d', { xattrs: { 'trusted.overlay.opaque': 'y', 'user.overlay.origin': 'x', 'user.keep': '1' } })],
    ];
    const names = async (policy: Partial<MergePolicy>): Promise<string[]> => [
      ...(await merge(stack, policy)).inode('d').xattrs.keys(),
    ];
    expect(await names({})).toEqual(['user.keep']);
    expect((await merge(stack)).codes).toEqual(['overlay-xattr-dropped']);
    expect((await names({ xattrs: 'keep-overlay' })).sort()).toEqual([
      'trusted.overlay.opaque',
      'user.keep',
      'user.overlay.origin',
    ]);
    expect(await names({ xattrs: 'none' })).toEqual([]);
  });

  it('character device 0:0', async () => {
    const stack = [[file('a', '1')], [member('a', { type: 'character-device' })]];
    const deleted = await merge(stack);
    expect([deleted.tree, deleted.codes]).toEqual([{}, ['whiteout-device']]);
    expect((await merge(stack, { whiteoutDevices: 'keep' })).tree).toEqual({ a: 'c0:0' });
    expect(await code(stack, { whiteoutDevices: 'error' })).toBe('ERR_OCIRENDER_CONFLICT');
  });

  it('sockets', async () => {
    const stack = [
      [member('s', { type: 'socket', mode: 0o600, uid: 7 })],
      [hardlink('t', 's', { mode: 0o600, uid: 7 })],
    ];
    const { tree, inode } = await merge(stack);
    expect(tree).toEqual({ s: 's', t: 's' });
    expect(inode('s')).toMatchObject({ type: 'socket', mode: 0o600, uid: 7 });
    expect(inode('t')).toBe(inode('s'));
    expect(inode('s').extraPax).toBeUndefined();
  });

  it('devices and FIFOs', async () => {
    const { tree } = await merge([
      [
        member('c', { type: 'character-device', devMajor: 4095, devMinor: 1_048_575 }),
        member('b', { type: 'block-device', devMajor: 8 }),
        member('p', { type: 'fifo' }),
      ],
    ]);
    expect(tree).toEqual({ b: 'b8:0', c: 'c4095:1048575', p: 'p' });
  });
});

describe('resolution', () => {
  it('symlink loops', async () => {
    expect(await code([[symlink('a', 'b'), symlink('b', 'a'), file('a/x', '1')]])).toBe(
      'ERR_OCIRENDER_SYMLINK_LOOP',
    );
  });

  it('dangling symlinks as parents', async () => {
    expect((await merge([[symlink('a', 'new/dir'), file('a/x', '1')]])).tree).toEqual({
      a: 'l->new/dir',
      new: 'd',
      'new/dir': 'd',
      'new/dir/x': '-1',
    });
  });

  // Found by the property test of model.test.ts.
  it('dot-dot behind a missing component, or behind a file', async () => {
    expect((await merge([[file('d/d', '1'), symlink('b', 'a/..'), dir('b/d/a')]])).tree).toEqual({
      b: 'l->a/..',
      d: 'd',
      'd/a': 'd',
      'd/d': '-1',
    });
    expect((await merge([[symlink('b', 'a/..')], [file('a', '1'), file('b/c', '2')]], lenient)).tree).toEqual(
      {
        b: 'l->a/..',
        c: '-2',
      },
    );
  });

  it('markers behind a symlink loop hide nothing', async () => {
    expect((await merge([[symlink('a', 'b'), symlink('b', 'a')], [member('a/.wh.x')]])).tree).toEqual({
      a: 'l->b',
      b: 'l->a',
    });
  });
});
