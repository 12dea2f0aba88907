import { byteStringFromText } from '@ocirender/interface';
import { expect, test } from 'vitest';
import { inode, MemoryImage } from '../testing/memory-image.ts';
import { sampleTree } from '../testing/sample-tree.ts';
import { compareImages } from './compare-images.ts';
import { DOCKER_EXPORT_PATHS, Exclusions } from './exclusions.ts';

test.each([
  ['var/cache/*', ['var/cache/x', 'var/cache/.x'], ['var/cache/x/y', 'x/var/cache/y']],
  ['/var/cache/**', ['var/cache/x', 'var/cache/x/y'], ['var/cach']],
  ['./tmp/', ['tmp'], ['tmp/x', 'usr/tmp']],
  ['**/__pycache__', ['__pycache__', 'a/b/__pycache__'], ['a/__pycache__x']],
  ['*.{pyc,pyo}', ['a.pyc', '.pyo'], ['d/a.pyc', 'a.py']],
  ['caf?'.replace('?', '\u00e9'), [byteStringFromText('caf\u00e9')], ['caf\u00e9']],
  ['a\\*b', ['a*b'], ['axb']],
  ['[a-c]x', ['bx'], ['dx']],
])('the glob %s', (glob, matched, others) => {
  const exclusions = new Exclusions([glob], false);
  for (const path of matched) expect([path, exclusions.reason(path)]).toEqual([path, glob]);
  for (const path of others) expect([path, exclusions.reason(path)]).toEqual([path, undefined]);
});

test.each(['', '/', './', '[a', '{a', 'a('])('the glob %j is refused', (glob) => {
  expect(() => new Exclusions([glob], false)).toThrow(
    expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }),
  );
});

test('what is below an excluded directory does not count either, and the report lists it', async () => {
  const subject = sampleTree();
  subject.get('usr/bin/ping')!.uid = 7;
  subject.get('usr')!.uid = 7;
  subject.set('usr/more', inode('file'));
  const comparison = await compareImages(new MemoryImage(subject), new MemoryImage(sampleTree()), {
    exclude: ['usr', 'etc/h*', 'nowhere'],
  });
  expect(comparison).toMatchObject({
    equal: true,
    subject: { names: 11 },
    reference: { names: 11 },
    ignoredPaths: [
      { path: 'etc/hosts', side: 'both', reason: 'etc/h*' },
      { path: 'usr', side: 'both', reason: 'usr' },
    ],
  });
});

test('names that were left out are not the first names of a link group', async () => {
  const reference = sampleTree();
  reference.set('usr/bin/three', { ...reference.get('usr/bin/three')! });
  const comparison = await compareImages(new MemoryImage(sampleTree()), new MemoryImage(reference), {
    exclude: ['usr/bin/three'],
  });
  expect(comparison.differences).toEqual([]);
});

test('dockerExport leaves out what docker export adds, and lists it', async () => {
  const exported = sampleTree();
  for (const path of DOCKER_EXPORT_PATHS) {
    exported.set(
      path,
      path.startsWith('dev/') && path !== 'dev/console' ? inode('directory') : inode('file'),
    );
  }
  exported.set('dev/pts/0', inode('character-device'));
  for (const path of ['', 'dev', 'etc']) exported.get(path)!.mtime = 1_800_000_000;
  Object.assign(exported.get('')!, { mode: 0o700, uid: 5, gid: 5 });
  const images = (): [MemoryImage, MemoryImage] => [new MemoryImage(exported), new MemoryImage(sampleTree())];

  const comparison = await compareImages(...images(), { dockerExport: true });
  expect(comparison.differences).toEqual([]);
  const sides = Object.fromEntries(comparison.ignoredPaths.map(({ path, side }) => [path, side]));
  expect(sides).toEqual({
    '.dockerenv': 'subject',
    'dev/console': 'both',
    'dev/pts': 'subject',
    'dev/shm': 'subject',
    'etc/hostname': 'subject',
    'etc/hosts': 'both',
    'etc/mtab': 'subject',
    'etc/resolv.conf': 'subject',
  });
  expect(comparison.ignoredMetadata).toHaveLength(2);

  expect((await compareImages(...images())).counts).toEqual({
    'only-in-subject': 7,
    type: 1,
    mode: 2,
    uid: 1,
    gid: 1,
    mtime: 3,
    size: 1,
    content: 1,
  });
  exported.get('etc')!.uid = 1;
  expect((await compareImages(...images(), { dockerExport: true })).counts).toEqual({ uid: 1 });
});
