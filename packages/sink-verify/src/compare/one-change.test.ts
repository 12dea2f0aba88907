import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyTree, inode, MemoryImage, type MemoryInode, type MemoryTree } from '../testing/memory-image.ts';
import { compareImages } from './compare-images.ts';

/** Names that sort in surprising ways around the slash. */
const NAMES = ['a', 'a-b', 'a.b', 'a b', 'b', '\u0001', '\u00ff', 'A', 'ab', '0'];

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });

const anInode: fc.Arbitrary<MemoryInode> = fc
  .record({
    type: fc.constantFrom(
      'directory',
      'directory',
      'file',
      'file',
      'symlink',
      'fifo',
      'socket',
      'block-device',
      'character-device',
    ),
    mode: fc.nat(0o7777),
    uid: fc.nat(0xffff_ffff),
    gid: fc.nat(0xffff_ffff),
    mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    mtimeNs: fc.nat(999_999_999),
    content: bytes,
    xattrs: fc.dictionary(fc.constantFrom('user.a', 'user.b', 'security.capability'), bytes),
  })
  .map(({ type, content, xattrs, ...rest }) =>
    inode(type as MemoryInode['type'], {
      ...rest,
      xattrs: new Map(Object.entries(xattrs)),
      ...(type === 'file' ? { content } : {}),
      ...(type === 'symlink'
        ? { target: Buffer.from(content).toString('latin1').replaceAll('\0', '0') }
        : {}),
      ...(type.endsWith('device') ? { devMajor: content[0]!, devMinor: content.length } : {}),
    }),
  );

/** Trees of random shape with hard links here and there. */
const aTree: fc.Arbitrary<MemoryTree> = fc
  .array(
    fc.record({
      parent: fc.nat(),
      name: fc.constantFrom(...NAMES),
      node: anInode,
      link: fc.option(fc.nat()),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((entries) => {
    const tree: MemoryTree = new Map([['', inode('directory')]]);
    for (const { parent, name, node, link } of entries) {
      const directories = [...tree].filter(([, { type }]) => type === 'directory');
      const others = [...tree.values()].filter(({ type }) => type !== 'directory');
      const under = directories[parent % directories.length]![0];
      const path = under === '' ? name : `${under}/${name}`;
      if (tree.has(path)) continue;
      tree.set(path, link === null || others.length === 0 ? node : others[link % others.length]!);
    }
    return tree;
  });

const forms = fc.record({
  randomAccess: fc.boolean(),
  reverse: fc.boolean(),
  chunk: fc.integer({ min: 1, max: 50 }),
  holes: fc.constantFrom(1, 5, Number.POSITIVE_INFINITY),
  firstId: fc.nat(1000),
});

test('a tree equals its copy in any form', async () => {
  await fc.assert(
    fc.asyncProperty(aTree, forms, forms, async (tree, a, b) => {
      const copy = copyTree(new Map([...tree].reverse()));
      const comparison = await compareImages(new MemoryImage(tree, a), new MemoryImage(copy, b));
      expect(comparison.differences).toEqual([]);
      expect(comparison).toMatchObject({ equal: true, counts: {}, commonNames: tree.size });
    }),
    { numRuns: 150 },
  );
});

/** Changes one field of an inode, if it has it. */
const CHANGES: Readonly<Record<string, (node: MemoryInode) => boolean>> = {
  mode(node) {
    node.mode ^= 0o1;
    return node.type !== 'symlink';
  },
  uid(node) {
    node.uid = (node.uid + 1) % 2 ** 32;
    return true;
  },
  gid(node) {
    node.gid = (node.gid + 1) % 2 ** 32;
    return true;
  },
  mtime(node) {
    node.mtimeNs = (node.mtimeNs + 1) % 1_000_000_000;
    return true;
  },
  'link-target'(node) {
    node.target += '/';
    return node.type === 'symlink';
  },
  device(node) {
    node.devMinor++;
    return node.type.endsWith('device');
  },
  xattrs(node) {
    node.xattrs = new Map(node.xattrs).set('user.new', Buffer.from('x'));
    return true;
  },
  content(node) {
    if (node.type !== 'file') return false;
    node.content = Uint8Array.from(node.content);
    node.content[node.content.length - 1]! ^= 0x80;
    return true;
  },
};

test('one changed field is exactly one difference for each name of the inode', async () => {
  const kinds = fc.constantFrom(...Object.keys(CHANGES));
  await fc.assert(
    fc.asyncProperty(aTree, kinds, fc.nat(), forms, forms, async (tree, kind, which, a, b) => {
      const changed = copyTree(tree);
      const [path, node] = [...changed][which % changed.size]!;
      fc.pre(CHANGES[kind]!(node));
      const comparison = await compareImages(new MemoryImage(changed, a), new MemoryImage(tree, b));
      const names = [...changed].filter(([, other]) => other === node).map(([name]) => name);
      expect(names).toContain(path);
      expect(comparison.differences.map((found) => `${found.kind} ${found.path}`).sort()).toEqual(
        names.map((name) => `${kind} ${name}`).sort(),
      );
      if (kind === 'content') {
        for (const { offset } of comparison.differences) expect(offset).toBe(node.content.length - 1);
      }
    }),
    { numRuns: 200 },
  );
});

test('one name less is exactly that name, or all that was below it', async () => {
  await fc.assert(
    fc.asyncProperty(aTree, fc.nat(), fc.boolean(), async (tree, which, swap) => {
      const changed = copyTree(tree);
      const path = [...changed.keys()][1 + (which % Math.max(1, changed.size - 1))];
      fc.pre(path !== undefined);
      const gone = [...changed.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
      for (const name of gone) changed.delete(name);
      const images = [new MemoryImage(changed), new MemoryImage(tree)] as const;
      const { differences } = await (swap
        ? compareImages(images[1], images[0])
        : compareImages(images[0], images[1]));
      const kind = swap ? 'only-in-subject' : 'only-in-reference';
      expect(differences.map((found) => `${found.kind} ${found.path}`).sort()).toEqual(
        gone.map((name) => `${kind} ${name}`).sort(),
      );
    }),
    { numRuns: 150 },
  );
});

test('a name that gets an inode of its own is a difference of link groups, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(aTree, async (tree) => {
      const shared = [...tree].find(([path, node]) =>
        [...tree].some((other) => other[1] === node && other[0] !== path),
      );
      fc.pre(shared !== undefined);
      const changed = copyTree(tree);
      changed.set(shared[0], { ...changed.get(shared[0])! });
      const { counts } = await compareImages(new MemoryImage(changed), new MemoryImage(tree));
      expect(Object.keys(counts)).toEqual(['link-group']);
    }),
    { numRuns: 60 },
  );
});
