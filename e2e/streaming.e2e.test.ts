import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI, convertWithCli, startOcirender } from './support/cli.ts';
import { fileDigest } from './support/file-digest.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { type LocalRegistry, startLocalRegistry } from './support/local-registry.ts';
import { finished, must } from './support/run.ts';
import { startThrottleProxy, type ThrottleProxy } from './support/throttle-proxy.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** `OCIRENDER_MEASURE=1` also measures how long the python image takes at 20 MB/s: minutes. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
const MEASURE = process.env['OCIRENDER_MEASURE'] === '1';

let directory: string;
let registry: LocalRegistry;
let proxy: ThrottleProxy;
const image = join(IMAGE_DIRECTORY, 'node');
const FLAGS = ['--insecure', '--progress', 'none', '--force'];

beforeAll(async () => {
  await ensureImages(MEASURE ? ['node', 'python'] : ['node']);
  directory = await makeDirectory();
  registry = await startLocalRegistry(directory);
  await registry.push(image, 'node');
});

afterAll(async () => {
  await registry.stop();
  await removeDirectory(directory);
});

/** Blobs that have been asked for, without the config. */
function layersAskedFor(): string[] {
  return proxy.blobs.slice(1);
}

describe('from a registry through a slow line', () => {
  let layers: number;

  beforeAll(async () => {
    proxy = await startThrottleProxy(registry.host, 80_000_000);
    const index = JSON.parse(await must('skopeo', ['inspect', '--raw', `oci:${image}:latest`])) as {
      layers: unknown[];
    };
    layers = index.layers.length;
  });

  afterAll(() => proxy.close());

  test('the same tar as from the layout; written before the last layer is there; each layer fetched once', async () => {
    const expected = join(directory, 'expected.tar');
    await convertWithCli(image, 'tar', expected);
    const output = join(directory, 'node.tar');
    const spool = join(directory, 'spool');
    await must('mkdir', ['-p', spool]);
    const child = startOcirender([
      'convert',
      `docker://${proxy.host}/node`,
      '-o',
      output,
      '--spool',
      spool,
      ...FLAGS,
    ]);
    const ending = finished(child);
    const firstByte = await firstByteOf('.node.tar.');
    const { code, stderr } = await ending;
    expect(stderr).not.toContain('Error');
    expect(code).toBe(0);
    expect(await fileDigest(output)).toBe(await fileDigest(expected));
    expect(proxy.ends.size).toBe(layers + 1);
    expect(firstByte).toBeLessThan(Math.max(...proxy.ends.values()));
    expect(layersAskedFor()).toHaveLength(layers);
    expect(await readdir(spool)).toEqual([]);
  });

  test('--plan-first to a pipe reads all layers twice and fetches them once', async () => {
    proxy.blobs.length = 0;
    const output = join(directory, 'planned.tar');
    const command =
      '"$0" "$1" convert "docker://$2/node" -s tar -o - --plan-first --insecure --progress none > "$3"';
    await must('sh', ['-c', command, process.execPath, CLI, proxy.host, output]);
    expect(await fileDigest(output)).toBe(await fileDigest(join(directory, 'expected.tar')));
    expect(layersAskedFor()).toHaveLength(layers);
  });

  test.each([8])('--concurrency %i gives the same', async (concurrency) => {
    const output = join(directory, 'node.tar');
    const flags = ['--concurrency', String(concurrency), '--insecure', '--force'];
    await convertWithCli(`docker://${registry.host}/node`, 'tar', output, flags);
    expect(await fileDigest(output)).toBe(await fileDigest(join(directory, 'expected.tar')));
  });

  test('interrupted while it downloads: nothing is left', async () => {
    const place = join(directory, 'interrupted');
    await must('mkdir', ['-p', place]);
    const child = startOcirender([
      'convert',
      `docker://${proxy.host}/node`,
      '-o',
      join(place, 'x.tar'),
      ...FLAGS,
    ]);
    const ending = finished(child);
    while ((await readdir(place)).length === 0) await wait(20);
    child.kill('SIGINT');
    expect((await ending).code).toBe(130);
    expect(await readdir(place)).toEqual([]);
  });

  /** Waits until the output, under its temporary name, has bytes. */
  async function firstByteOf(start: string): Promise<number> {
    for (;;) {
      const name = (await readdir(directory)).find((candidate) => candidate.startsWith(start));
      const size =
        name === undefined ? 0 : ((await stat(join(directory, name)).catch(() => undefined))?.size ?? 0);
      if (size > 0) return performance.now();
      await wait(5);
    }
  }
});

describe.runIf(MEASURE)('python at 20 MB/s', () => {
  const RATE = 20_000_000;

  beforeAll(async () => {
    await registry.push(join(IMAGE_DIRECTORY, 'python'), 'python');
    proxy = await startThrottleProxy(registry.host, RATE);
  });

  afterAll(() => proxy.close());

  async function seconds(args: readonly string[]): Promise<{ seconds: number; rss: number }> {
    const began = performance.now();
    const command = ['-f', '%M', process.execPath, CLI, ...args, '--progress', 'none'];
    const { code, stderr } = await finished(spawn('/usr/bin/time', command));
    expect(code, stderr).toBe(0);
    return {
      seconds: (performance.now() - began) / 1000,
      rss: Number(stderr.trim().split('\n').at(-1)) / 1024,
    };
  }

  test.each(['tar', 'squashfs'])(
    '%s: no more than 1.15 times the slower of download and conversion',
    async (sink) => {
      const layout = join(IMAGE_DIRECTORY, 'python');
      const alone = await seconds(['convert', layout, '-s', sink, '-o', join(directory, 'alone'), '--force']);
      const download = await seconds([
        'pull',
        `${proxy.host}/python`,
        join(directory, `pulled-${sink}`),
        '--insecure',
      ]);
      const reference = `docker://${proxy.host}/python`;
      const both = await seconds([
        'convert',
        reference,
        '-s',
        sink,
        '-o',
        join(directory, 'both'),
        '--force',
        '--insecure',
      ]);
      expect(await fileDigest(join(directory, 'both'))).toBe(await fileDigest(join(directory, 'alone')));
      const ratio = both.seconds / Math.max(alone.seconds, download.seconds);
      process.stdout.write(
        `${sink}: convert ${alone.seconds.toFixed(1)} s, download ${download.seconds.toFixed(1)} s, both ${both.seconds.toFixed(1)} s (${ratio.toFixed(2)}), ${both.rss.toFixed(0)} MB\n`,
      );
      expect(ratio).toBeLessThan(1.15);
      expect(both.rss).toBeLessThan(400);
    },
  );

  test('the memory does not depend on the concurrency', async () => {
    const reference = `docker://${registry.host}/python`;
    for (const concurrency of ['1', '16']) {
      const args = ['convert', reference, '-o', join(directory, 'x.tar'), '--force', '--insecure'];
      const { rss } = await seconds([...args, '--concurrency', concurrency]);
      process.stdout.write(`concurrency ${concurrency}: ${rss.toFixed(0)} MB\n`);
      expect(rss).toBeLessThan(400);
    }
  });
});
