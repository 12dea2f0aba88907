import { cp, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ocirender, SINKS, startOcirender } from './support/cli.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { finished, must } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

let directory: string;

beforeAll(async () => {
  await ensureImages(['debian', 'node']);
  directory = await makeDirectory();
});

afterAll(() => removeDirectory(directory));

/** The command line of a conversion. */
function conversion(image: string, sink: string, output: string): string[] {
  return ['convert', image, '--sink', sink, '--output', output, '--progress', 'none'];
}

/** Makes an empty directory of its own for one test. */
async function emptyPlace(name: string): Promise<string> {
  const place = join(directory, name);
  await mkdir(place);
  return place;
}

/** Puts an older output in place, and gives a look at it. */
async function oldOutput(sink: string, output: string): Promise<() => Promise<string>> {
  if (sink !== 'dir') {
    await writeFile(output, 'old');
    return () => readFile(output, 'utf8');
  }
  await mkdir(output);
  await writeFile(join(output, 'file'), 'old');
  return async () => `${(await readdir(output)).join()} ${await readFile(join(output, 'file'), 'utf8')}`;
}

/** Waits until a conversion has begun to write. */
async function untilWriting(place: string, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    for (const name of await readdir(place)) {
      if (!name.endsWith('.tmp')) continue;
      const stats = await stat(join(place, name)).catch(() => undefined);
      if (stats?.isDirectory() === true || (stats?.size ?? 0) > 1_000_000) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.each(SINKS)('%s', (sink, ending) => {
  test.each(SIGNALS)('%s leaves nothing behind and exits with %d', async (signal, code) => {
    const place = await emptyPlace(`${sink}-${signal}`);
    const child = startOcirender(
      conversion(join(IMAGE_DIRECTORY, 'node'), sink, join(place, `new${ending}`)),
    );
    const ended = finished(child);
    await untilWriting(place, () => child.exitCode !== null);
    child.kill(signal);
    const result = await ended;
    expect(result.code, result.stderr).toBe(code);
    expect(await readdir(place)).toEqual([]);
  });

  test('an interrupted replacement leaves the old output as it was', async () => {
    const place = await emptyPlace(`${sink}-replaced`);
    const output = join(place, `out${ending}`);
    const look = await oldOutput(sink, output);
    const before = await look();
    const child = startOcirender([
      ...conversion(join(IMAGE_DIRECTORY, 'node'), sink, output),
      '--replace-directory',
    ]);
    const ended = finished(child);
    await untilWriting(place, () => child.exitCode !== null);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(await readdir(place)).toEqual([`out${ending}`]);
    expect(await look()).toBe(before);
  });

  test('a full disk is named, and leaves only the old output', async () => {
    const place = await emptyPlace(`${sink}-full`);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', place]);
    try {
      const output = join(place, `out${ending}`);
      const look = await oldOutput(sink, output);
      const before = await look();
      const result = await ocirender([
        ...conversion(join(IMAGE_DIRECTORY, 'debian'), sink, output),
        '--replace-directory',
      ]);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/no space|ENOSPC/i);
      expect(result.stderr).not.toMatch(/^\s+at /m);
      expect(await readdir(place)).toEqual([`out${ending}`]);
      expect(await look()).toBe(before);
    } finally {
      await must('umount', [place]);
    }
  });

  test('a corrupt layer is named, and leaves only the old output', async () => {
    const place = await emptyPlace(`${sink}-corrupt`);
    const image = join(directory, `corrupt-for-${sink}`);
    await cp(join(IMAGE_DIRECTORY, 'debian'), image, { recursive: true });
    const digest = await damageLargestBlob(join(image, 'blobs/sha256'));
    const output = join(place, `out${ending}`);
    const look = await oldOutput(sink, output);
    const before = await look();
    const result = await ocirender([...conversion(image, sink, output), '--replace-directory']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`sha256:${digest}`);
    expect(result.stderr).toMatch(/expected digest/);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(place)).toEqual([`out${ending}`]);
    expect(await look()).toBe(before);
  });
});

/** Changes one bit in the middle of the largest blob; gives the blob's digest. */
async function damageLargestBlob(blobs: string): Promise<string> {
  const sizes = await Promise.all(
    (await readdir(blobs)).map(async (name) => ({ name, size: (await stat(join(blobs, name))).size })),
  );
  const { name, size } = sizes.sort((a, b) => b.size - a.size)[0]!;
  const file = await open(join(blobs, name), 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, size >> 1);
    byte[0]! ^= 0x10;
    await file.write(byte, 0, 1, size >> 1);
  } finally {
    await file.close();
  }
  return name;
}
