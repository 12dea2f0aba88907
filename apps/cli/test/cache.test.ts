import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { ConvertReport } from '@ocirender/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleRegistry, serveExample } from './example-registry.ts';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
let registry: ExampleRegistry;
beforeAll(async () => {
  sandbox = await makeSandbox([]);
  registry = await serveExample();
});
afterAll(async () => {
  await registry.close();
  await sandbox.remove();
});

interface Listing {
  readonly directory: string;
  readonly bytes: number;
  readonly entries: readonly {
    readonly diffId: string;
    readonly uses: number;
    readonly kind: string;
    readonly format?: string;
    readonly bytes: number;
  }[];
}

type CachedReport = Pick<ConvertReport, 'bytesIn' | 'layers' | 'cache' | 'tree' | 'details'>;

/** Runs a command, and gives what it prints for `--json`. */
async function json<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await runCli(sandbox, [...args, '--json']);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout) as T;
}

/** Files of a cache that hold entries. */
function entriesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(
      (file) =>
        file.isFile() && /^[0-9a-f]{64}(?:$|\.(?!uses))/.test(file.name) && !file.name.endsWith('.uses'),
    )
    .map((file) => `${file.parentPath}/${file.name}`);
}

test('a second look at an image of a registry fetches manifest and config, and says the same', async () => {
  const cache = `--cache=${sandbox.path('remote')}`;
  const image = `docker://${registry.host}/a/b:demo`;
  const blobs = (): string[] => registry.requests.filter((url) => url.includes('/blobs/'));
  const runs: unknown[] = [];
  const fetched: number[] = [];
  for (const args of [[], [cache], [cache], [cache, '-v']]) {
    registry.requests.length = 0;
    const { code, stdout, stderr } = await runCli(sandbox, ['ls', image, '-R', '--insecure', ...args]);
    runs.push([code, stdout]);
    fetched.push(blobs().length);
    if (args.includes('-v')) expect(stderr).toMatch(/cache: (\d+) of \1 layers were known/);
  }
  expect(new Set(runs.map((run) => JSON.stringify(run))).size).toBe(1);
  const layers = (await json<{ oci: { layers: unknown[] } }>(['inspect', IMAGE])).oci.layers.length;
  // The config and the layers; then the config.
  expect(fetched).toEqual([layers + 1, layers + 1, 1, 1]);

  // A file: of one layer.
  registry.requests.length = 0;
  const clean = await runCli(sandbox, ['cat', IMAGE, '/srv/hello']);
  const cached = await runCli(sandbox, ['cat', image, '/srv/hello', '--insecure', cache]);
  expect([cached.code, cached.stdout]).toEqual([0, clean.stdout]);
  expect(cached.stdout).not.toBe('');
  expect(blobs()).toHaveLength(2);
});

test('verify of an image of a registry reads its layers once', async () => {
  const cache = `--cache=${sandbox.path('verify')}`;
  const image = `docker://${registry.host}/a/b:demo`;
  await json(['convert', IMAGE, sandbox.path('verify.squashfs')]);
  const reports: unknown[] = [];
  const fetched: number[] = [];
  for (const args of [[], [cache], [cache]]) {
    registry.requests.length = 0;
    const { milliseconds: _, ...report } = await json<Record<string, unknown>>([
      'verify',
      sandbox.path('verify.squashfs'),
      image,
      '--insecure',
      ...args,
    ]);
    reports.push({ ...report, contents: undefined });
    expect(report).toMatchObject({ equal: true });
    fetched.push(registry.requests.filter((url) => url.includes('/blobs/')).length);
  }
  expect(reports[2]).toEqual(reports[0]);
  expect(fetched[0]).toBeGreaterThan(1);
  expect(fetched).toEqual([fetched[0], fetched[0], 1]);
  // What differs is found all the same.
  await json(['convert', IMAGE, sandbox.path('other.squashfs'), '--xattrs', 'none']);
  const other = await runCli(sandbox, ['verify', sandbox.path('other.squashfs'), image, '--insecure', cache]);
  expect(other.code).toBe(3);
});

test('inspect says which layers were known', async () => {
  const cache = `--cache=${sandbox.path('inspect')}`;
  type Inspection = { oci: { layers: { fromCache: boolean }[] }; tree: unknown };
  const clean = await json<Inspection>(['inspect', IMAGE]);
  const cold = await json<Inspection>(['inspect', IMAGE, cache]);
  const warm = await json<Inspection>(['inspect', IMAGE, cache]);
  expect(cold).toEqual(clean);
  expect(warm.oci.layers.every(({ fromCache }) => fromCache)).toBe(true);
  const asRead = warm.oci.layers.map((layer) => ({ ...layer, fromCache: false }));
  expect({ ...warm, oci: { ...warm.oci, layers: asRead } }).toEqual(clean);
});

describe('where it is', () => {
  test('--cache alone: $XDG_CACHE_HOME/ocirender; the value needs the sign', async () => {
    const environment = { XDG_CACHE_HOME: sandbox.path('xdg') };
    const { code } = await runCli(sandbox, ['ls', IMAGE, '--cache', '/etc'], environment);
    expect(code).toBe(0);
    expect(entriesOf(sandbox.path('xdg/ocirender')).length).toBeGreaterThan(0);
    const { stdout } = await runCli(sandbox, ['cache', '--json'], environment);
    expect((JSON.parse(stdout) as Listing).directory).toBe(sandbox.path('xdg/ocirender'));
  });

  test('OCIRENDER_CACHE; without it and --cache nothing is kept', async () => {
    const environment = { OCIRENDER_CACHE: sandbox.path('named'), XDG_CACHE_HOME: sandbox.path('unused') };
    await runCli(sandbox, ['ls', IMAGE], environment);
    expect(entriesOf(sandbox.path('named')).length).toBeGreaterThan(0);
    await runCli(sandbox, ['ls', IMAGE], { XDG_CACHE_HOME: sandbox.path('unused') });
    expect(existsSync(sandbox.path('unused'))).toBe(false);
  });

  test('one that others may write to is refused', async () => {
    const { code, stderr } = await runCli(sandbox, ['ls', IMAGE, '--cache=/tmp']);
    expect(code).toBe(2);
    expect(stderr).toContain('the cache /tmp belongs to, or may be written to by, others');
  });

  test.each([
    [['ls', IMAGE, '--cache', '--cache-size', 'much'], '--cache-size: "much" is not a size'],
    [['cache', 'prune', '--max-size', '-1'], '--max-size'],
    [['cache', 'prune', '--older-than', 'ever'], '--older-than: "ever" is not a time'],
    [['cache', 'prune'], 'which entries?'],
  ])('%j is wrong usage', async (args, message) => {
    const environment = { XDG_CACHE_HOME: sandbox.path('usage') };
    const { code, stderr } = await runCli(sandbox, args, environment);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

test('convert keeps what layers say, reads them once for a plan that is known, and never writes into the cache', async () => {
  const cache = `--cache=${sandbox.path('convert')}`;
  type Report = { layers: { fromCache: boolean }[]; bytesIn: number };
  const convert = (...args: string[]): Promise<Report> =>
    json(['convert', IMAGE, sandbox.path('out.tar'), '--force', ...args]);
  const plain = await convert();
  const clean = readFileSync(sandbox.path('out.tar'));
  const cold = await convert(cache);
  expect(readFileSync(sandbox.path('out.tar')).equals(clean)).toBe(true);
  expect(cold).toMatchObject({
    bytesIn: plain.bytesIn,
    layers: cold.layers.map(() => ({ fromCache: false })),
  });
  const planned = await convert(cache, '--plan-first');
  const plannedCold = await convert('--plan-first');
  // Their headers are known; their contents are read.
  expect(planned.layers.some(({ fromCache }) => fromCache)).toBe(false);
  expect(plannedCold.bytesIn).toBe(2 * planned.bytesIn);
  const before = entriesOf(sandbox.path('convert'));
  const inside = await runCli(sandbox, [
    'convert',
    IMAGE,
    sandbox.path('convert'),
    '-s',
    'dir',
    cache,
    '--replace-directory',
  ]);
  expect(inside.code).toBe(2);
  expect(entriesOf(sandbox.path('convert'))).toEqual(before);
});

test('convert to squashfs: what was compressed once is copied, byte for byte', async () => {
  const cache = `--cache=${sandbox.path('work')}`;
  const convert = async (
    name: string,
    ...args: string[]
  ): Promise<{ report: CachedReport; bytes: Buffer }> => {
    const output = sandbox.path(name);
    const report = await json<CachedReport>(['convert', IMAGE, output, ...args]);
    return { report, bytes: readFileSync(output) };
  };
  const clean = await convert('clean.squashfs');
  const layers = clean.report.layers.length;
  const stored = clean.report.layers.reduce((sum, { size }) => sum + size, 0);
  expect(clean.report).not.toHaveProperty('cache');
  const cold = await convert('cold.squashfs', cache);
  expect(cold.report).toMatchObject({
    bytesIn: clean.report.bytesIn,
    cache: { layers: 0, bytesNotRead: 0, bytesNotDownloaded: 0 },
  });
  const warm = await convert('warm.squashfs', cache);
  expect(warm.report).toMatchObject({
    bytesIn: 0,
    cache: { layers, bytesNotRead: stored, bytesNotDownloaded: 0 },
    tree: clean.report.tree,
    details: clean.report.details,
  });
  for (const { bytes } of [cold, warm]) expect(bytes.equals(clean.bytes)).toBe(true);

  // Of other blocks nothing is known.
  const smaller = await convert('smaller.squashfs', cache, '-O', 'block-size=4096');
  expect(smaller.report.cache).toMatchObject({ layers: 0 });
  const told = await runCli(sandbox, ['convert', IMAGE, sandbox.path('told.squashfs'), cache]);
  expect(told.stderr).toMatch(new RegExp(`  cache    ${layers} layers from it, .* not read`));

  const { entries } = await json<Listing>(['cache', cache]);
  const work = entries.filter(({ kind }) => kind === 'work');
  expect(work).toHaveLength(2 * layers);
  expect(work.every(({ format }) => format === 'squashfs')).toBe(true);
  expect((await runCli(sandbox, ['cache', cache])).stdout).toContain('squashfs work');

  // What is damaged is found when it is copied, and everything is made again.
  const damage = (): void => {
    for (const path of entriesOf(sandbox.path('work')).filter((name) => name.includes('/v1/work/'))) {
      const bytes = readFileSync(path);
      bytes[Math.min(100, bytes.length - 1)]! ^= 4;
      writeFileSync(path, bytes);
    }
  };
  damage();
  expect((await runCli(sandbox, ['cache', 'verify', cache])).stdout).toMatch(
    /work of sha256:\w+: the checksum of its bytes is wrong; removed/,
  );
  expect((await convert('anew.squashfs', cache)).report.cache).toMatchObject({ layers: 0 });
  damage();
  const mended = await runCli(sandbox, ['convert', IMAGE, sandbox.path('mended.squashfs'), cache, '-v']);
  expect([mended.code, mended.stderr]).toEqual([0, expect.stringContaining('was damaged and is not used')]);
  expect(readFileSync(sandbox.path('mended.squashfs')).equals(clean.bytes)).toBe(true);
  expect((await convert('again.squashfs', cache)).report.cache).toMatchObject({ layers });
});

test('list, verify, prune', async () => {
  const cache = `--cache=${sandbox.path('managed')}`;
  for (const _ of [1, 2]) await runCli(sandbox, ['ls', IMAGE, cache]);
  const listing = await json<Listing>(['cache', cache]);
  expect(listing.entries.length).toBeGreaterThan(1);
  expect(listing.entries.every(({ uses, kind }) => uses === 1 && kind === 'headers')).toBe(true);
  const table = await runCli(sandbox, ['cache', cache]);
  expect(table.stdout).toMatch(/^LAYER +KEPT +SIZE +USES +LAST USED\n/);
  for (const { diffId } of listing.entries) expect(table.stdout).toContain(diffId.slice(7, 19));

  const [first] = entriesOf(sandbox.path('managed'));
  const whole = readFileSync(first!);
  truncateSync(first!, whole.length - 1);
  expect(await json(['cache', 'verify', cache])).toEqual({
    checked: listing.entries.length,
    damaged: [expect.objectContaining({ reason: 'its checksum is wrong' })],
  });
  // It is made again.
  await runCli(sandbox, ['ls', IMAGE, cache]);
  expect(statSync(first!).size).toBe(whole.length);
  expect((await runCli(sandbox, ['cache', 'verify', cache])).stdout).toBe(
    `${listing.entries.length} checked, 0 damaged\n`,
  );

  expect((await json<Listing>(['cache', 'prune', '--older-than', '30d', cache])).entries).toEqual([]);
  expect((await json<Listing>(['cache', 'prune', '--max-size', '0', cache])).entries).toHaveLength(
    listing.entries.length,
  );
  expect((await runCli(sandbox, ['cache', 'prune', '--all', cache])).stdout).toMatch(
    /^0 entries, 0 B removed/,
  );
});

test('an entry that is damaged is said, and changes nothing', async () => {
  const cache = `--cache=${sandbox.path('damaged')}`;
  const clean = await runCli(sandbox, ['ls', IMAGE, '-R', cache]);
  for (const path of entriesOf(sandbox.path('damaged'))) truncateSync(path, 100);
  const again = await runCli(sandbox, ['ls', IMAGE, '-R', cache]);
  expect([again.code, again.stdout]).toEqual([0, clean.stdout]);
  expect(again.stderr).toContain('was damaged and is not used: its checksum is wrong');
});
