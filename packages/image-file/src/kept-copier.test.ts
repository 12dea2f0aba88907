import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { KeptWork } from '@ocirender/interface';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OutputFile } from './output-file.ts';

let folder: string;
let source: string;
let fd: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kept-copier-'));
  source = join(folder, 'source');
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** Work of items of these sizes. */
function workOf(sizes: readonly number[]): { kept: KeptWork; bytes: Buffer; rejected: string[] } {
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  for (let i = 0; i < bytes.length; i += 997) bytes.writeUInt8((i * 7) & 255, i);
  writeFileSync(source, bytes);
  fd = openSync(source, 'r');
  const rejected: string[] = [];
  const range = (index: number): ReturnType<KeptWork['range']> => {
    const position = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    const size = sizes[index]!;
    return { fd, position, size, crc32: crc32(bytes.subarray(position, position + size)) };
  };
  const kept: KeptWork = {
    count: sizes.length,
    has: () => true,
    item: (index) => ({ members: new Uint32Array(), words: new Uint32Array(), size: sizes[index]! }),
    read: (index, into) => {
      const { position } = range(index);
      into.set(bytes.subarray(position, position + into.length));
    },
    range,
    reject: (reason, index) => {
      rejected.push(`${index}: ${reason}`);
      return new Error(reason);
    },
  };
  return { kept, bytes, rejected };
}

const KINDS: readonly (readonly [string, number[]])[] = [
  ['a few, here', [10, 1, 4096, 100_000]],
  ['many, in a thread', Array.from({ length: 700 }, (_, i) => 1 + ((i * 7919) % 40_000))],
  ['some that are larger than what is moved at a time', [3_000_000, 5, 9_000_001, 70]],
];

describe.each(KINDS)('%s', (_, sizes) => {
  test('items go where they are told, side by side or not', async () => {
    const { kept, bytes, rejected } = workOf(sizes);
    const path = join(folder, 'output');
    const file = new OutputFile(path);
    let at = 3;
    const places: number[] = [];
    for (let item = 0; item < sizes.length; item++) {
      if (item % 5 === 4) at += 11;
      places.push(at);
      file.copyKept(kept, item, at);
      at += sizes[item]!;
    }
    await file.copied();
    const written = readFileSync(path);
    let from = 0;
    for (const [item, place] of places.entries()) {
      const end = from + sizes[item]!;
      expect(written.subarray(place, place + sizes[item]!).equals(bytes.subarray(from, end))).toBe(true);
      expect(file.equalsKept(kept, item, place)).toBe(true);
      from = end;
    }
    await file.close();
    expect(rejected).toEqual([]);
  });

  test('an item that was changed, or cut, is rejected', async () => {
    const last = sizes.length - 1;
    for (const damage of ['changed', 'cut']) {
      const { kept, bytes, rejected } = workOf(sizes);
      if (damage === 'cut') truncateSync(source, bytes.length - 1);
      else writeFileSync(source, Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 8)]));
      const file = new OutputFile(join(folder, damage));
      for (let item = 0, at = 0; item < sizes.length; at += sizes[item++]!) file.copyKept(kept, item, at);
      await expect(file.copied()).rejects.toThrow('the checksum of its bytes is wrong');
      await expect(file.write(Buffer.of(1), 0)).rejects.toThrow('the checksum of its bytes is wrong');
      await file.close();
      expect(rejected).toEqual([`${last}: the checksum of its bytes is wrong`]);
      if (damage === 'changed') closeSync(fd);
    }
  });
});

test('a file that is closed meanwhile ends the thread', async () => {
  const { kept } = workOf(Array.from({ length: 300 }, () => 100_000));
  const file = new OutputFile(join(folder, 'output'));
  for (let item = 0; item < 300; item++) file.copyKept(kept, item, item * 100_000);
  await file.close();
  expect(() => file.copyKept(kept, 0, 0)).not.toThrow();
  await expect(file.copied()).rejects.toThrow('the copying was ended');
});
