import { cp, mkdir, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../packages/core/src/index.ts';
import { squashfsSink } from '../packages/sink-squashfs/src/index.ts';
import { tarSink } from '../packages/sink-tar/src/index.ts';
import { ocirender, startOcirender } from './support/cli.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { finished, must } from './support/run.ts';
import { FULL, ROTATION } from './support/sample.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

// Layers of 2 MiB and more are read in threads: what ends a conversion of them ends the threads, at any point, and leaves
// nothing behind.

const IMAGE = join(IMAGE_DIRECTORY, 'debian');
const ZSTD_IMAGE = join(IMAGE_DIRECTORY, 'debian-zstd');
const POINTS = FULL ? 40 : 6;

let directory: string;

beforeAll(async () => {
  await ensureImages(['debian']);
  directory = await makeDirectory();
});
afterAll(() => removeDirectory(directory));

/** Milliseconds after which a conversion is ended: spread over its time, others in each run. */
function delays(longest: number): number[] {
  return Array.from({ length: POINTS }, (_, n) => ((n + ((ROTATION * 0.618) % 1)) * longest) / POINTS);
}

async function place(name: string): Promise<string> {
  const path = join(directory, name);
  await mkdir(path);
  return path;
}

describe.each(['squashfs', 'tar'])('%s', (sink) => {
  test('a signal at any time ends it soon, and leaves nothing', async () => {
    const empty = await place(`signal-${sink}`);
    let interrupted = 0;
    for (const delay of delays(2500)) {
      const output = join(empty, 'out');
      const child = startOcirender(['convert', IMAGE, '-s', sink, '-o', output, '--force']);
      const ended = finished(child);
      await wait(delay);
      const began = performance.now();
      child.kill('SIGTERM');
      const { code } = await ended;
      expect(performance.now() - began).toBeLessThan(5000);
      if (code === 0) continue;
      // Before it listens, the signal itself ends it.
      expect([143, 'SIGTERM']).toContain(code);
      interrupted++;
      expect((await readdir(empty)).filter((name) => name !== 'out')).toEqual([]);
    }
    expect(interrupted).toBeGreaterThan(1);
  });

  test('a disk of any size', async () => {
    let failures = 0;
    for (const part of [0.02, 0.4, 0.9]) {
      const small = await place(`disk-${sink}-${part}`);
      await must('mount', ['-t', 'tmpfs', '-o', `size=${Math.round(part * 64)}m`, 'tmpfs', small]);
      try {
        const { code, stderr } = await ocirender(['convert', IMAGE, '-s', sink, '-o', join(small, 'out')]);
        expect([code, /ENOSPC|room/.test(stderr)]).toEqual([1, true]);
        expect(await readdir(small)).toEqual([]);
        failures++;
      } finally {
        await must('umount', [small]);
      }
    }
    expect(failures).toBe(3);
  });

  test.each([
    ['gzip', IMAGE],
    ['zstd', ZSTD_IMAGE],
  ])('a changed byte anywhere in the layer (%s) is a wrong digest', async (name, image) => {
    const damaged = await place(`damaged-${sink}-${name}`);
    await cp(image, damaged, { recursive: true });
    const index = JSON.parse(await must('cat', [join(damaged, 'index.json')])) as Index;
    const manifest = JSON.parse(await must('cat', [blob(damaged, index.manifests[0]!.digest)])) as Manifest;
    const { digest, size } = manifest.layers[0]!;
    const file = await open(blob(damaged, digest), 'r+');
    try {
      for (const part of [0.0001, 0.3, 0.7, 0.9999]) {
        const at = Math.floor(size * part);
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        await file.write(Buffer.of(byte[0]! ^ 0x55), 0, 1, at);
        const output = join(directory, `never-${sink}-${name}`);
        const { code, stderr } = await ocirender(['convert', damaged, '-s', sink, '-o', output]);
        expect([code, stderr]).toEqual([1, expect.stringContaining(`expected digest ${digest}`) as unknown]);
        await file.write(byte, 0, 1, at);
      }
    } finally {
      await file.close();
    }
  });
});

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

interface Manifest {
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

function blob(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

/** Threads of this process, and its open files below the images. */
async function held(): Promise<{ threads: number; files: number }> {
  const tasks = await readdir('/proc/self/task');
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return { threads: tasks.length, files: links.filter((path) => path.startsWith(IMAGE_DIRECTORY)).length };
}

test('an abort at any time ends all threads and closes all files of the process', async () => {
  const run = async (sink: typeof tarSink, signal?: AbortSignal): Promise<string> => {
    try {
      await convert({
        image: IMAGE,
        sink,
        output: join(directory, 'aborted'),
        force: true,
        ...(signal === undefined ? {} : { signal }),
      });
      return 'done';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  // What Node starts once stays.
  expect(await run(squashfsSink)).toBe('done');
  const before = await held();
  const outcomes: string[] = [];
  for (const sink of [squashfsSink, tarSink]) {
    for (const delay of delays(1500)) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), delay);
      outcomes.push(await run(sink, controller.signal));
      clearTimeout(timer);
      await expect.poll(held, { timeout: 5000 }).toEqual(before);
    }
  }
  expect(new Set(outcomes)).toContain('ERR_OCIRENDER_ABORTED');
  expect(outcomes.filter((code) => code !== 'done' && code !== 'ERR_OCIRENDER_ABORTED')).toEqual([]);
});
