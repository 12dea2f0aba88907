import fs, { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OutputFile } from './output-file.ts';

/** Longer than what is compared at a time. */
const LONG = 300_000;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-file-'));
  path = join(folder, 'image');
});

afterEach(() => rmSync(folder, { recursive: true }));

const io = (message: string): object => ({ code: 'ERR_OCIRENDER_IO', message });

test('bytes go where they are told, what is between them is zero', async () => {
  const file = new OutputFile(path);
  await file.write(Buffer.from('late'), 8);
  file.writeSync(Buffer.from('early'), 0);
  file.resize(14);
  await file.close();
  expect(readFileSync(path, 'latin1')).toBe('early\0\0\0late\0\0');
});

test('cut off and lengthened again, the rest is zero', async () => {
  const file = new OutputFile(path);
  await file.write(Buffer.from('abcdef'), 0);
  file.resize(2);
  file.resize(4);
  await file.close();
  expect(readFileSync(path, 'latin1')).toBe('ab\0\0');
});

test('reading behind the end gives zeros, and says how much there was', async () => {
  const file = new OutputFile(path);
  await file.write(Buffer.from('abc'), 0);
  const into = Buffer.alloc(4, 'x');
  expect([file.read(into, 1), into.toString('latin1')]).toEqual([2, 'bc\0\0']);
  expect([file.read(into, 9), into.toString('latin1')]).toEqual([0, '\0\0\0\0']);
  expect([file.read(into.subarray(0, 3), 0), into.toString('latin1')]).toEqual([3, 'abc\0']);
  await file.close();
});

test('ranges are compared to their last byte', async () => {
  const file = new OutputFile(path);
  const half = Buffer.alloc(LONG, 'half');
  await file.write(half, 0);
  await file.write(half, LONG);
  expect(file.equalRanges(0, LONG, LONG)).toBe(true);
  await file.write(Buffer.from('!'), 2 * LONG - 1);
  expect(file.equalRanges(0, LONG, LONG)).toBe(false);
  expect(file.equalRanges(0, LONG, LONG - 1)).toBe(true);
  expect(() => file.equalRanges(4, LONG, LONG + 4)).toThrow(
    expect.objectContaining(io(`cannot read back ${path}: nothing at byte ${2 * LONG}`)),
  );
  await file.close();
});

test('a file without a name can be written and read', async () => {
  const file = new OutputFile(path);
  file.unlink();
  expect(existsSync(path)).toBe(false);
  file.writeSync(Buffer.from('kept'), 0);
  const into = Buffer.alloc(4);
  file.read(into, 0);
  expect(into.toString()).toBe('kept');
  await file.close();
  expect(existsSync(path)).toBe(false);
});

test('a file that is there already is left alone', () => {
  writeFileSync(path, 'theirs');
  expect(() => new OutputFile(path)).toThrow(
    expect.objectContaining(io(`cannot create ${path}: EEXIST: file already exists, open '${path}'`)),
  );
  expect(readFileSync(path, 'latin1')).toBe('theirs');
});

test('a closed file is an error, not somebody else’s file', async () => {
  const file = new OutputFile(path);
  await file.close();
  await file.close();
  const closed = (what: string): object => io(`cannot ${what} ${path}: the file is closed`);
  await expect(file.write(Buffer.of(1), 0)).rejects.toMatchObject(closed('write'));
  expect(() => file.writeSync(Buffer.of(1), 0)).toThrow(expect.objectContaining(closed('write')));
  expect(() => file.read(Buffer.alloc(1), 0)).toThrow(expect.objectContaining(closed('read back')));
  expect(() => file.resize(1)).toThrow(expect.objectContaining(closed('write')));
});

test('closing waits for the write under way', async () => {
  const file = new OutputFile(path);
  const bytes = Buffer.alloc(8 * 1024 * 1024, 'ocirender');
  const writing = file.write(bytes, 0);
  await file.close();
  await writing;
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test('a name that is gone cannot be taken away', async () => {
  const file = new OutputFile(path);
  file.unlink();
  expect(() => file.unlink()).toThrow(
    expect.objectContaining(io(`cannot unlink ${path}: ENOENT: no such file or directory, unlink '${path}'`)),
  );
  await file.close();
});

test('a full disk is an error, after the part that still had room', async () => {
  const { write } = fs;
  const room = 3;
  type Done = (error: Error | null, written: number, bytes: Uint8Array) => void;
  const full = (
    fd: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    at: number,
    done: Done,
  ): void => {
    if (at < room) write(fd, bytes, from, Math.min(length, room - at), at, done);
    else done(new Error('ENOSPC: no space left on device'), 0, bytes);
  };
  fs.write = full as typeof write;
  syncBuiltinESMExports();
  const file = new OutputFile(path);
  try {
    await expect(file.write(Buffer.from('too long'), 0)).rejects.toMatchObject(
      io(`cannot write ${path}: ENOSPC: no space left on device`),
    );
  } finally {
    fs.write = write;
    syncBuiltinESMExports();
    await file.close();
  }
  expect(readFileSync(path, 'latin1')).toBe('too');
});
