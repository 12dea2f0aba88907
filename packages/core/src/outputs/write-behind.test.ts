import { mkdtemp, open, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WriteBehind } from './write-behind.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-write-behind-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** Descriptors of this process that lead to files in the directory. */
async function openFiles(): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((target) => target.startsWith(directory)).length;
}

it('syncs a file that has grown, as often as it does, and closes it', async () => {
  const path = join(directory, 'image');
  const behind = new WriteBehind(path);
  // Not there yet.
  await sleep(150);
  const file = await open(path, 'wx');
  const datasync = vi.spyOn(Object.getPrototypeOf(file), 'datasync');
  const grow = async (mebibytes: number) => {
    for (let i = 0; i < mebibytes; i++) await file.write(Buffer.alloc(1 << 20, 1));
  };
  await grow(40);
  await vi.waitFor(() => expect(datasync).toHaveBeenCalledTimes(1));
  // Too little.
  await grow(10);
  await sleep(300);
  expect(datasync).toHaveBeenCalledTimes(1);
  await grow(30);
  await vi.waitFor(() => expect(datasync).toHaveBeenCalledTimes(2));
  await behind.end();
  await grow(40);
  await sleep(300);
  expect(datasync).toHaveBeenCalledTimes(2);
  await file.close();
  expect(await openFiles()).toBe(0);
});

it('tells of what went wrong at the end: the kernel does so once', async () => {
  const path = join(directory, 'image');
  await writeFile(path, Buffer.alloc(40 << 20));
  const probe = await open(path);
  const datasync = vi.spyOn(Object.getPrototypeOf(probe), 'datasync').mockRejectedValue(new Error('EIO'));
  await probe.close();
  const behind = new WriteBehind(path);
  await vi.waitFor(() => expect(datasync).toHaveBeenCalledTimes(1));
  await sleep(300);
  expect(datasync).toHaveBeenCalledTimes(1);
  await expect(behind.end()).rejects.toThrow('EIO');
  expect(await openFiles()).toBe(0);
});

it('has nothing to say of a file that never was', async () => {
  const behind = new WriteBehind(join(directory, 'nothing'));
  await sleep(150);
  await behind.end();
});
