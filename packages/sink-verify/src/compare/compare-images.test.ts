import { createHash } from 'node:crypto';
import { OcirenderError } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import type { Difference } from '../report/difference.ts';
import { renderComparison } from '../report/render-comparison.ts';
import {
  copyTree,
  inode,
  MemoryImage,
  type MemoryOptions,
  type MemoryTree,
} from '../testing/memory-image.ts';
import { sampleTree } from '../testing/sample-tree.ts';
import { compareImages } from './compare-images.ts';
import type { CompareOptions } from './options.ts';

async function differences(
  change: (tree: MemoryTree) => void,
  options: CompareOptions = {},
  forms: readonly [MemoryOptions, MemoryOptions] = [{}, {}],
): Promise<readonly Difference[]> {
  const subject = sampleTree();
  const reference = copyTree(subject);
  change(subject);
  const { differences: found } = await compareImages(
    new MemoryImage(subject, forms[0]),
    new MemoryImage(reference, forms[1]),
    options,
  );
  return found;
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Changes a copy of a file's bytes. */
function patch(tree: MemoryTree, path: string, at: number): { before: string; after: string } {
  const file = tree.get(path)!;
  const before = sha256(file.content);
  file.content = Uint8Array.from(file.content);
  file.content[at]! ^= 1;
  return { before, after: sha256(file.content) };
}

test('an image equals itself, whatever the order and the numbers', async () => {
  const comparison = await compareImages(
    new MemoryImage(sampleTree(), { randomAccess: false, reverse: true, firstId: 100, chunk: 7777 }),
    new MemoryImage(sampleTree(), { holes: 10 }),
  );
  expect(comparison).toEqual({
    equal: true,
    subject: { format: 'memory', names: 18 },
    reference: { format: 'memory', names: 18 },
    differences: [],
    differencesDropped: 0,
    counts: {},
    commonNames: 18,
    comparedFiles: 5,
    comparedBytes: 2_500_000 + 6 + 20 + 11 + 4,
    times: { stepNs: 1, approximated: 0 },
    ignoredFields: [],
    ignoredPaths: [],
    ignoredPathsDropped: 0,
    ignoredMetadata: [],
  });
});

describe('each kind of difference is found and named', () => {
  const set =
    (path: string, fields: Partial<ReturnType<typeof inode>>) =>
    (tree: MemoryTree): void =>
      void Object.assign(tree.get(path)!, fields);
  test.each<[string, (tree: MemoryTree) => void, Difference]>([
    [
      'mode',
      set('etc/passwd', { mode: 0o600 }),
      { path: 'etc/passwd', kind: 'mode', subject: '0600', reference: '0644' },
    ],
    [
      'a setuid bit',
      set('usr/bin/ping', { mode: 0o4755 }),
      { path: 'usr/bin/ping', kind: 'mode', subject: '4755', reference: '0755' },
    ],
    [
      "the root's mode",
      set('', { mode: 0o700 }),
      { path: '', kind: 'mode', subject: '0700', reference: '0755' },
    ],
    [
      'uid',
      set('dev/pipe', { uid: 4_294_967_295 }),
      { path: 'dev/pipe', kind: 'uid', subject: 4_294_967_295, reference: 0 },
    ],
    ['gid', set('usr', { gid: 1 }), { path: 'usr', kind: 'gid', subject: 1, reference: 0 }],
    [
      'seconds',
      set('bin', { mtime: -1, mtimeNs: 500_000_000 }),
      { path: 'bin', kind: 'mtime', subject: '-0.500000000', reference: '1700000000.000000000' },
    ],
    [
      'nanoseconds',
      set('etc', { mtimeNs: 1 }),
      { path: 'etc', kind: 'mtime', subject: '1700000000.000000001', reference: '1700000000.000000000' },
    ],
    [
      'target',
      set('bin', { target: 'usr/sbin' }),
      { path: 'bin', kind: 'link-target', subject: 'usr/sbin', reference: 'usr/bin' },
    ],
    [
      'major',
      set('dev/disk', { devMajor: 9 }),
      { path: 'dev/disk', kind: 'device', subject: '9:0', reference: '8:0' },
    ],
    [
      'minor',
      set('dev/console', { devMinor: 0 }),
      { path: 'dev/console', kind: 'device', subject: '5:0', reference: '5:1' },
    ],
    [
      'links',
      set('usr/bin/large', { links: 2 }),
      { path: 'usr/bin/large', kind: 'link-count', subject: 2, reference: 1 },
    ],
    [
      'type',
      (tree) => tree.set('dev/pipe', inode('socket', { mode: 0o600 })),
      { path: 'dev/pipe', kind: 'type', subject: 'socket', reference: 'fifo' },
    ],
    [
      'a name more',
      (tree) => tree.set('etc/more', inode('file')),
      { path: 'etc/more', kind: 'only-in-subject', subject: 'file', reference: null },
    ],
    [
      'a name less',
      (tree) => tree.delete('etc/hosts'),
      { path: 'etc/hosts', kind: 'only-in-reference', subject: null, reference: 'file' },
    ],
    [
      'a hard link less',
      (tree) => tree.delete('usr-local/one'),
      { path: 'usr-local/one', kind: 'only-in-reference', subject: null, reference: 'file' },
    ],
    [
      'a hard link that became a file',
      (tree) => tree.set('usr-local/one', { ...tree.get('usr-local/one')! }),
      { path: 'usr-local/one', kind: 'link-group', subject: 'usr-local/one', reference: 'usr/bin/three' },
    ],
    [
      'an attribute with another value',
      (tree) => tree.get('usr/bin/ping')!.xattrs.set('security.capability', Buffer.from([1, 3])),
      {
        path: 'usr/bin/ping',
        kind: 'xattrs',
        attribute: 'security.capability',
        subject: '0103',
        reference: '0102',
      },
    ],
    [
      'an attribute less',
      (tree) => tree.get('usr/bin/ping')!.xattrs.clear(),
      {
        path: 'usr/bin/ping',
        kind: 'xattrs',
        attribute: 'security.capability',
        subject: null,
        reference: '0102',
      },
    ],
    [
      'an attribute more',
      (tree) => tree.get('bin')!.xattrs.set('user.x', Buffer.from('')),
      { path: 'bin', kind: 'xattrs', attribute: 'user.x', subject: '', reference: null },
    ],
  ])('%s', async (_name, change, difference) => {
    expect(await differences(change)).toEqual([difference]);
  });

  const streamed = { randomAccess: false, reverse: true };
  test.each<[string, MemoryOptions, MemoryOptions]>([
    ['both with random access', {}, { chunk: 77_777 }],
    ['the subject without', streamed, { holes: 100 }],
    ['the reference without', { holes: 100 }, streamed],
    ['both without', { ...streamed, holes: 5 }, { randomAccess: false }],
  ])('one bit of a content, %s', async (_name, subject, reference) => {
    for (const at of [0, 299_999, 300_000, 1_048_575, 1_048_576, 2_499_999]) {
      let digests = { before: '', after: '' };
      const found = await differences(
        (tree) => {
          digests = patch(tree, 'usr/bin/large', at);
        },
        {},
        [subject, reference],
      );
      expect(found).toEqual([
        {
          path: 'usr/bin/large',
          kind: 'content',
          subject: digests.after,
          reference: digests.before,
          offset: at,
        },
      ]);
    }
  });

  test.each<[string, MemoryOptions]>([
    ['random access', {}],
    ['none', streamed],
  ])('a longer file, with %s', async (_name, form) => {
    const found = await differences(
      (tree) => {
        tree.get('usr/bin/large')!.content = new Uint8Array(2_500_001)
          .fill(0, 300_000)
          .map((_, index) => (index < 300_000 ? index % 251 : 0));
      },
      {},
      [form, form],
    );
    expect(found).toMatchObject([
      { path: 'usr/bin/large', kind: 'size', subject: 2_500_001, reference: 2_500_000 },
      { path: 'usr/bin/large', kind: 'content', offset: 2_500_000 },
    ]);
  });

  test('a file that ends at the edge of a block', async () => {
    const forms = [streamed, streamed] as const;
    const cut = (tree: MemoryTree): void => {
      const file = tree.get('usr/bin/large')!;
      file.content = file.content.subarray(0, 1_048_576);
    };
    expect((await differences(cut, {}, forms))[1]).toMatchObject({ kind: 'content', offset: 1_048_576 });
    const empty = (tree: MemoryTree): void => {
      tree.get('usr/bin/large')!.content = new Uint8Array();
    };
    expect((await differences(empty, {}, forms))[1]).toMatchObject({ kind: 'content', offset: 0 });
  });
});

test('hard links with other contents are reported for each name, with an offset each', async () => {
  for (const form of [{}, { randomAccess: false }]) {
    const found = await differences((tree) => void patch(tree, 'usr/bin/two', 3), {}, [form, form]);
    expect(found.map(({ path, kind, offset }) => [path, kind, offset])).toEqual([
      ['usr/bin/three', 'content', 3],
      ['usr/bin/two', 'content', 3],
      ['usr-local/one', 'content', 3],
    ]);
  }
});

test('differences come in the order of a walk and of the fields', async () => {
  const found = await differences((tree) => {
    patch(tree, 'etc/passwd', 0);
    Object.assign(tree.get('etc/passwd')!, { uid: 1, mode: 0 });
    tree.get('usr-local')!.gid = 1;
    tree.get('usr/bin')!.gid = 1;
  });
  expect(found.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
    'etc/passwd mode',
    'etc/passwd uid',
    'etc/passwd content',
    'usr/bin gid',
    'usr-local gid',
  ]);
});

test('ignored fields do not count', async () => {
  const change = (tree: MemoryTree): void => {
    patch(tree, 'etc/passwd', 0);
    Object.assign(tree.get('etc/passwd')!, { uid: 1, gid: 2, mode: 0, mtime: 5 });
    tree.set('usr-local/one', { ...tree.get('usr-local/one')! });
    tree.get('bin')!.xattrs.set('user.x', Buffer.from(''));
    tree.set('dev/pipe', inode('socket'));
    tree.get('usr/bin/large')!.links = 7;
  };
  expect(
    await differences(change, {
      ignore: ['uid', 'gid', 'mode', 'mtime', 'link-group', 'link-count', 'xattrs', 'content', 'type'],
    }),
  ).toEqual([]);
});

test('the permission bits of a symbolic link mean nothing', async () => {
  expect(await differences((tree) => void Object.assign(tree.get('bin')!, { mode: 0o700 }))).toEqual([]);
});

test('the number of kept differences is bounded, all are counted', async () => {
  const subject = copyTree(sampleTree());
  for (const node of subject.values()) node.uid = 9;
  const {
    differences: kept,
    differencesDropped,
    counts,
    equal,
  } = await compareImages(new MemoryImage(subject), new MemoryImage(sampleTree()), { maxDifferences: 3 });
  expect({ kept: kept.length, differencesDropped, counts, equal }).toEqual({
    kept: 3,
    differencesDropped: 15,
    counts: { uid: 18 },
    equal: false,
  });
});

test('times are compared in the coarser step and the narrower range, and the report says so', async () => {
  const subject = sampleTree();
  const reference = copyTree(subject);
  Object.assign(subject.get('bin')!, { mtime: 5, mtimeNs: 0 });
  Object.assign(reference.get('bin')!, { mtime: 5, mtimeNs: 999_999_999 });
  Object.assign(subject.get('etc')!, { mtime: 0 });
  Object.assign(reference.get('etc')!, { mtime: -7 });
  Object.assign(subject.get('usr')!, { mtime: 4_294_967_295 });
  Object.assign(reference.get('usr')!, { mtime: 9_999_999_999, mtimeNs: 5 });
  Object.assign(subject.get('dev')!, { mtime: 6 });
  Object.assign(reference.get('dev')!, { mtime: 5, mtimeNs: 999_999_999 });
  const narrow = { stepNs: 1_000_000_000, minimum: 0, maximum: 4_294_967_295 } as const;
  const comparison = await compareImages(
    new MemoryImage(subject, { times: narrow }),
    new MemoryImage(reference, { times: { stepNs: 1, minimum: -(2 ** 40) } }),
  );
  expect(comparison.differences).toEqual([
    { path: 'dev', kind: 'mtime', subject: '6.000000000', reference: '5.999999999' },
  ]);
  expect(comparison.times).toEqual({ ...narrow, approximated: 3 });
});

test('a limit on the bytes that are read', async () => {
  const images = [new MemoryImage(sampleTree()), new MemoryImage(sampleTree())] as const;
  await expect(compareImages(...images, { limits: { totalBytes: 1000 } })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_LIMIT',
    limit: 'totalBytes',
    maximum: 1000,
  });
});

test('limits on paths', async () => {
  const images = [new MemoryImage(sampleTree()), new MemoryImage(sampleTree())] as const;
  await expect(compareImages(...images, { limits: { pathBytes: 12 } })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_LIMIT',
    limit: 'pathBytes',
    message: 'a path begins with usr/bin/… (limit pathBytes: 12)',
  });
  await expect(compareImages(...images, { limits: { metadataBytes: 30 } })).rejects.toMatchObject({
    limit: 'metadataBytes',
  });
});

test('a content that cannot be read fails the comparison with its own error', async () => {
  const broken = new MemoryImage(sampleTree(), { broken: 'etc/passwd' });
  await expect(compareImages(new MemoryImage(sampleTree()), broken)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_IO',
    message: 'the disk is on fire',
  });
});

test('an abort ends it', async () => {
  const controller = new AbortController();
  const images = [new MemoryImage(sampleTree()), new MemoryImage(sampleTree())] as const;
  const onProgress = (): void => controller.abort();
  await expect(compareImages(...images, { signal: controller.signal, onProgress })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_ABORTED',
  });
  await expect(compareImages(...images, { signal: controller.signal })).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_ABORTED',
  });
});

test('progress: names, then bytes of both sides up to their sum', async () => {
  const seen: string[] = [];
  let last = { bytes: 0, totalBytes: 0 };
  await compareImages(new MemoryImage(sampleTree()), new MemoryImage(sampleTree()), {
    onProgress: (progress) => {
      if (seen.at(-1) !== progress.phase) seen.push(progress.phase);
      expect(progress.bytes).toBeGreaterThanOrEqual(last.bytes);
      last = progress;
    },
  });
  expect(seen).toEqual(['names', 'contents']);
  expect(last).toEqual({ phase: 'contents', bytes: 2 * 2_500_041, totalBytes: 2 * 2_500_041 });
});

describe('directories that may not be listed', () => {
  test.each<[string, readonly string[], readonly string[], readonly unknown[]]>([
    [
      'of the subject',
      ['usr/bin'],
      [],
      [{ path: 'usr/bin', kind: 'unreadable', subject: 'EACCES', reference: null }],
    ],
    [
      'of the reference',
      [],
      ['usr/bin'],
      [{ path: 'usr/bin', kind: 'unreadable', subject: null, reference: 'EACCES' }],
    ],
    [
      'of both',
      ['usr/bin'],
      ['usr/bin'],
      [{ path: 'usr/bin', kind: 'unreadable', subject: 'EACCES', reference: 'EACCES' }],
    ],
    ['the root', [''], [], [{ path: '', kind: 'unreadable', subject: 'EACCES', reference: null }]],
  ])('%s are one difference each, and the others are compared', async (_, subject, reference, found) => {
    const tree = sampleTree();
    const comparison = await compareImages(
      new MemoryImage(tree, { locked: subject }),
      new MemoryImage(copyTree(tree), { locked: reference }),
    );
    expect(comparison.equal).toBe(false);
    expect(comparison.differences).toEqual(found);
    expect(comparison.counts).toEqual({ unreadable: 1 });
    expect([...renderComparison(comparison, { subject: 'a', reference: 'b' })].join('\n')).toMatch(
      /cannot be listed in the .*EACCES[\s\S]*unread {5}1 directory that this user may not list/,
    );
  });

  test('excluded, they do not count; any other failure ends the comparison', async () => {
    const tree = sampleTree();
    const image = (locked: string[]): MemoryImage => new MemoryImage(copyTree(tree), { locked });
    const excluded = await compareImages(image(['usr/bin']), image([]), {
      exclude: ['usr/bin'],
    });
    expect(excluded.differences).toEqual([]);
    const failing = image([]);
    failing.children = () => Promise.reject(new OcirenderError('ERR_OCIRENDER_IO', 'the disk is on fire'));
    await expect(compareImages(failing, image([]))).rejects.toMatchObject({ message: 'the disk is on fire' });
  });
});
