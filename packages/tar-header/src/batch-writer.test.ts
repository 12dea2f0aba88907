import { expect, test } from 'vitest';
import { BatchWriter } from './batch-writer.ts';

const KIB = 1024;

/** Collects what is written; each write takes a while, and must not overlap another. */
function sink(): { pieces: Buffer[]; write: (bytes: Uint8Array) => Promise<void> } {
  const pieces: Buffer[] = [];
  let isBusy = false;
  return {
    pieces,
    write: async (bytes) => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await new Promise((resolve) => setImmediate(resolve));
      pieces.push(Buffer.from(bytes));
      isBusy = false;
    },
  };
}

test('small pieces are gathered, their order and bytes kept', async () => {
  const { pieces, write } = sink();
  const writer = new BatchWriter(write);
  const expected: Buffer[] = [];
  for (let index = 0; index < 3000; index++) {
    const piece = Buffer.alloc(512 + (index % 100), index % 251);
    expected.push(piece, Buffer.alloc(index % 7));
    const copy = Buffer.from(piece);
    if (!writer.tryAppend(copy)) await writer.append(copy);
    copy.fill(0);
    if (!writer.tryAppendZeros(index % 7)) await writer.appendZeros(index % 7);
  }
  await writer.finish();
  const all = Buffer.concat(expected);
  expect(Buffer.concat(pieces).equals(all)).toBe(true);
  expect(writer.bytes).toBe(all.length);
  expect(pieces.length).toBeLessThan(6);
});

test('large pieces go through as they are, after what came before', async () => {
  const { pieces, write } = sink();
  const writer = new BatchWriter(write);
  await writer.append(Buffer.from('before'));
  await writer.append(Buffer.alloc(200 * KIB, 1));
  await writer.append(Buffer.alloc(100 * KIB, 2));
  await writer.finish();
  expect(pieces.map((piece) => piece.length)).toStrictEqual([6, 200 * KIB, 100 * KIB]);
});

test('more NULs than the buffer holds', async () => {
  const { pieces, write } = sink();
  const writer = new BatchWriter(write);
  await writer.append(Buffer.from('x'));
  await writer.appendZeros(1200 * KIB);
  await writer.finish();
  expect(Buffer.concat(pieces).equals(Buffer.concat([Buffer.from('x'), Buffer.alloc(1200 * KIB)]))).toBe(
    true,
  );
});

test('a failed write is thrown at the next chance, and again', async () => {
  const writer = new BatchWriter(() => Promise.reject(new Error('disk full')));
  await writer.appendZeros(600 * KIB);
  await expect(writer.appendZeros(600 * KIB)).rejects.toThrow('disk full');
  await expect(writer.finish()).rejects.toThrow('disk full');
});
