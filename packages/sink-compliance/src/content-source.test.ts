import { createHash } from 'node:crypto';
import { isHole } from '@ocirender/interface';
import { expect, test } from 'vitest';
import {
  type ContentSource,
  contentChunks,
  contentSha256,
  patternContent,
  sparseContent,
  textContent,
} from './content-source.ts';

async function collect(source: ContentSource, chunkBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of contentChunks(source, chunkBytes)) {
    parts.push(isHole(chunk) ? Buffer.alloc(chunk.hole) : Buffer.from(chunk));
  }
  return Buffer.concat(parts);
}

test.each([
  ['text', textContent('some text\n')],
  ['random bytes', patternContent(10_000, 3)],
  ['repeating bytes', patternContent(10_000, 3, 'text')],
  [
    'a sparse file',
    sparseContent(
      9000,
      [
        { offset: 1000, length: 3000 },
        { offset: 8000, length: 500 },
      ],
      4,
    ),
  ],
  ['a hole', sparseContent(9000, [], 4)],
])('%s are the same however they are cut', async (_, source) => {
  const whole = await collect(source, 1 << 20);
  expect(whole.length).toBe(source.size);
  for (const chunkBytes of [1, 7, 1024, 4097])
    expect((await collect(source, chunkBytes)).equals(whole)).toBe(true);
  expect(contentSha256(source)).toBe(createHash('sha256').update(whole).digest('hex'));
});

test('a chunk is overwritten when the next one is asked for', async () => {
  const chunks = contentChunks(patternContent(100, 1), 50);
  const first = (await chunks.next()).value as Uint8Array;
  const copy = Buffer.from(first);
  await chunks.next();
  expect(copy.equals(first)).toBe(false);
});

test('other seeds give other bytes', () => {
  expect(contentSha256(patternContent(5000, 1))).not.toBe(contentSha256(patternContent(5000, 2)));
});
