import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Diagnostic, type Entry, NO_XATTRS } from '@ocirender/interface';
import type { HeaderEvent } from '@ocirender/overlay';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LayerCache } from './layer-cache.ts';
import { defaultCacheDirectory } from './store/cache-directory.ts';

const LIMITS = { pathBytes: 4096, ratio: 1000 };
const BLOB = `sha256:${'f'.repeat(64)}`;
const DAY = 24 * 3600;

let base: string;
let directory: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'ocirender-layer-cache-'));
  directory = join(base, 'cache');
});
afterEach(() => rm(base, { recursive: true, force: true }));

const id = (digit: string): string => `sha256:${digit.repeat(64)}`;

function entry(path: string): Entry {
  return {
    type: 'file',
    path,
    size: 5,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1,
    mtimeNs: 0,
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: NO_XATTRS,
  };
}

async function keep(cache: LayerCache, diffId: string, names: readonly string[] = ['a', 'b']): Promise<void> {
  const recorder = cache.recordHeaders({ diffId, digest: BLOB }, LIMITS);
  for (const name of names) recorder.add({ type: 'entry', entry: entry(name) });
  recorder.add({ type: 'diagnostic', code: 'trailing-data', message: 'ä' });
  await recorder.commit(1024);
}

async function namesOf(cache: LayerCache, diffId: string, limits = LIMITS): Promise<string[] | undefined> {
  const found = await cache.findHeaders({ diffId, digest: BLOB }, limits, false);
  return (
    found &&
    [...found.events()].map((event: HeaderEvent) =>
      event.type === 'entry' ? event.entry.path : event.message,
    )
  );
}

/** Names that cannot be compressed: an entry of some kilobytes. */
const large = (seed: number): string[] =>
  Array.from({ length: 200 }, (_, n) => Buffer.from(String(Math.sin(seed * 1000 + n))).toString('base64'));

describe('a cache', () => {
  it('gives what was kept, also to another process that opens it', async () => {
    const cache = await LayerCache.open(directory);
    expect(await namesOf(cache, id('a'))).toBeUndefined();
    await keep(cache, id('a'));
    expect(await namesOf(cache, id('a'))).toEqual(['a', 'b', 'ä']);
    expect(await namesOf(await LayerCache.open(directory), id('a'))).toEqual(['a', 'b', 'ä']);
    expect((await cache.findHeaders({ diffId: id('a'), digest: BLOB }, LIMITS, false))?.tarBytes).toBe(1024);
    expect(cache.use).toEqual({ hits: 2, misses: 1 });
  });

  it('is for its owner alone, and marked as a cache', async () => {
    const cache = await LayerCache.open(directory);
    await keep(cache, id('a'));
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(directory, 'CACHEDIR.TAG'), 'latin1')).toMatch(
      /^Signature: 8a477f597d28d172789f06886806bc55/,
    );
    const [kept] = await cache.list();
    expect((await stat(kept!.path)).mode & 0o777).toBe(0o600);
  });

  it('is refused when others may write to it, or it is no directory', async () => {
    await mkdir(directory);
    for (const mode of [0o777, 0o770, 0o1777, 0o702]) {
      await chmod(directory, mode);
      await expect(LayerCache.open(directory)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    }
    await chmod(directory, 0o755);
    await LayerCache.open(directory);
    await symlink(directory, join(base, 'link'));
    await LayerCache.open(join(base, 'link'));
    const file = join(base, 'file');
    await writeFile(file, '');
    await expect(LayerCache.open(file)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    await expect(LayerCache.open(join(file, 'below'))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO' });
  });

  it('does not know what was read under a higher limit, or another one', async () => {
    const cache = await LayerCache.open(directory);
    await keep(cache, id('a'));
    expect(await namesOf(cache, id('a'), { pathBytes: 4095, ratio: 1000 })).toBeUndefined();
    expect(await namesOf(cache, id('a'), { pathBytes: 4096 } as never)).toBeUndefined();
    expect(await namesOf(cache, id('a'), { pathBytes: 9999, ratio: 1001 })).toBeDefined();
  });

  it('knows a tar of any blob, or of that one only', async () => {
    const cache = await LayerCache.open(directory);
    await keep(cache, id('a'));
    const other = { diffId: id('a'), digest: id('e') };
    expect(await cache.findHeaders(other, LIMITS, false)).toBeDefined();
    expect(await cache.findHeaders(other, LIMITS, true)).toBeUndefined();
    expect(await cache.findHeaders({ ...other, digest: BLOB }, LIMITS, true)).toBeDefined();
  });

  it.each(['', 'sha256:', 'sha256:../../../etc/passwd', `sha256:${'A'.repeat(64)}`, `md5:${'a'.repeat(32)}`])(
    'knows nothing of "%s", which is no digest',
    async (diffId) => {
      const cache = await LayerCache.open(directory);
      await keep(cache, diffId);
      expect(await namesOf(cache, diffId)).toBeUndefined();
      expect(await readdir(directory)).toEqual(['CACHEDIR.TAG']);
    },
  );

  it('does not write an entry again that is there', async () => {
    const cache = await LayerCache.open(directory);
    await keep(cache, id('a'));
    const [before] = await cache.list();
    await keep(cache, id('a'), ['other']);
    expect(await namesOf(cache, id('a'))).toEqual(['a', 'b', 'ä']);
    expect((await cache.list())[0]!.written).toBe(before!.written);
  });

  it('lists size, uses and times, what was used last first', async () => {
    const cache = await LayerCache.open(directory);
    await keep(cache, id('a'));
    await keep(cache, id('b'), large(1));
    const [, old] = await cache.list();
    await utimes(old!.path, 1000, 1000);
    expect((await cache.list()).at(-1)).toMatchObject({ diffId: old!.diffId, lastUsed: 1_000_000, uses: 0 });
    await namesOf(cache, old!.diffId);
    await namesOf(cache, old!.diffId);
    expect((await cache.list())[0]).toMatchObject({
      kind: 'headers',
      diffId: old!.diffId,
      bytes: (await stat(old!.path)).size,
      written: 1_000_000,
      uses: 2,
    });
  });
});

it('keeps digests of contents, and adds to them', async () => {
  const cache = await LayerCache.open(directory);
  const key = { diffId: id('a'), digest: BLOB };
  expect(await cache.findDigests(key, false)).toBeUndefined();
  await cache.keepDigests(key, new Map([[7, '7'.repeat(64)]]));
  await cache.keepDigests(key, new Map([[3, '3'.repeat(64)]]));
  const [kept] = await cache.list();
  await cache.keepDigests(key, new Map([[3, '3'.repeat(64)]]));
  expect((await cache.list())[0]!.written).toBe(kept!.written);
  const other = await LayerCache.open(directory);
  const found = await other.findDigests(key, true);
  expect([0, 3, 7].map((record) => found!.get(record))).toEqual([undefined, '3'.repeat(64), '7'.repeat(64)]);
  expect(await other.findDigests({ ...key, digest: id('b') }, true)).toBeUndefined();
  expect(await other.findDigests({ ...key, digest: id('b') }, false)).toBeDefined();
  // Nothing shows of a layer: that is known too.
  await cache.keepDigests({ ...key, diffId: id('c') }, new Map());
  expect(await cache.findDigests({ ...key, diffId: id('c') }, true)).toBeDefined();
});

describe('what makes room', () => {
  it('removes what was used least recently, and nothing of this run', async () => {
    const first = await LayerCache.open(directory);
    for (const digit of ['a', 'b', 'c']) await keep(first, id(digit), large(digit.charCodeAt(0)));
    const size = (await first.list())[0]!.bytes;
    const now = Date.now() / 1000;
    for (const { path, diffId } of await first.list()) {
      const age = { [id('a')]: 1, [id('b')]: 3, [id('c')]: 2 }[diffId]! * DAY;
      await utimes(path, now - age, now - age);
    }
    const cache = await LayerCache.open(directory, { maxBytes: 3.5 * size });
    // The oldest is in use now.
    expect(await namesOf(cache, id('b'))).toBeDefined();
    await keep(cache, id('d'), large(9));
    expect((await cache.list()).map(({ diffId }) => diffId).sort()).toEqual([id('a'), id('b'), id('d')]);
    const small = await LayerCache.open(directory, { maxBytes: size / 2 });
    await keep(small, id('e'), large(10));
    expect((await small.list()).map(({ diffId }) => diffId)).not.toContain(id('e'));
  });

  it('removes by age, by size, or everything, with the counts of uses', async () => {
    const cache = await LayerCache.open(directory);
    for (const digit of ['a', 'b', 'c']) await keep(cache, id(digit));
    const other = await LayerCache.open(directory);
    expect(await other.prune({})).toEqual([]);
    const [newest, middle, oldest] = await other.list();
    const now = Date.now() / 1000;
    await utimes(oldest!.path, now - 40 * DAY, now - 40 * DAY);
    await utimes(middle!.path, now - 20 * DAY, now - 20 * DAY);
    expect((await other.prune({ olderThan: 30 * DAY * 1000 })).map(({ path }) => path)).toEqual([
      oldest!.path,
    ]);
    expect((await other.prune({ maxBytes: newest!.bytes })).map(({ path }) => path)).toEqual([middle!.path]);
    await namesOf(await LayerCache.open(directory), newest!.diffId);
    expect(await other.prune({ all: true })).toHaveLength(1);
    expect(await readdir(dirname(newest!.path))).toEqual([]);
  });

  it('removes what writers that died have left, after a day', async () => {
    const cache = await LayerCache.open(directory);
    await keep(cache, id('a'));
    const [kept] = await cache.list();
    const recent = join(dirname(kept!.path), '.tmp-1');
    const old = join(dirname(kept!.path), '.tmp-2');
    for (const path of [recent, old]) await writeFile(path, 'half');
    const then = Date.now() / 1000 - 2 * DAY;
    await utimes(old, then, then);
    expect(await cache.list()).toHaveLength(1);
    expect((await readdir(dirname(kept!.path))).filter((name) => name.startsWith('.tmp'))).toEqual([
      '.tmp-1',
    ]);
  });
});

it('goes on when nothing can be written', async () => {
  const told: Diagnostic[] = [];
  const cache = await LayerCache.open(directory, { diagnose: (diagnostic) => told.push(diagnostic) });
  // In the way of the entry's directories; permissions mean nothing to root.
  await writeFile(join(directory, 'v1'), '');
  await keep(cache, id('a'));
  expect(told).toEqual([
    {
      code: 'cache-not-written',
      message: expect.stringContaining(`the layer ${id('a')} could not be put into`),
    },
  ]);
  expect(await namesOf(cache, id('a'))).toBeUndefined();
  expect(await cache.list()).toEqual([]);
});

it('is found where the environment says', () => {
  expect(defaultCacheDirectory({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/ocirender');
  expect(defaultCacheDirectory({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).toBe('/h/.cache/ocirender');
  expect(defaultCacheDirectory({ XDG_CACHE_HOME: '', HOME: '/h' })).toBe('/h/.cache/ocirender');
});
