import type { Diagnostic } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { body, collect, END, pax, rawHeader } from '../test/raw-tar.ts';
import { readTar } from './read-tar.ts';

const SAMPLE = Buffer.concat([
  rawHeader({ name: 'a', size: 5 }),
  body('hello'),
  rawHeader({ name: 'd/', type: '5' }),
  pax({ 'GNU.sparse.size': '6', 'GNU.sparse.map': '2,2' }),
  rawHeader({ name: 's', size: 2 }),
  body('xy'),
  rawHeader({ name: 'b', size: 600 }),
  body('b'.repeat(600)),
  END,
]);

async function* pieces(bytes: Buffer, size: number, onReturn?: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  } finally {
    onReturn?.();
  }
}

describe('readTar', () => {
  test.each([1, 7, 512, 100_000])('gives entries and contents from chunks of %i bytes', async (size) => {
    const found: [string, string][] = [];
    for await (const { entry, content } of readTar(pieces(SAMPLE, size))) {
      found.push([entry.path, (await collect(content)).toString('latin1')]);
    }
    expect(found).toStrictEqual([
      ['a', 'hello'],
      ['d', ''],
      ['s', '\0\0xy\0\0'],
      ['b', 'b'.repeat(600)],
    ]);
  });

  test('passes over contents that are not read, or only in part', async () => {
    const found: string[] = [];
    for await (const { entry, content } of readTar(pieces(SAMPLE, 300))) {
      found.push(entry.path);
      if (entry.path === 'b') for await (const _ of content) break;
    }
    expect(found).toStrictEqual(['a', 'd', 's', 'b']);
  });

  test('ends its source when the caller stops', async () => {
    let isEnded = false;
    for await (const _ of readTar(pieces(SAMPLE, 100, () => (isEnded = true)))) break;
    expect(isEnded).toBe(true);
  });

  test('reports diagnostics', async () => {
    const diagnostics: Diagnostic[] = [];
    const source = pieces(SAMPLE.subarray(0, 1024), 512);
    for await (const _ of readTar(source, { diagnose: (diagnostic) => diagnostics.push(diagnostic) }));
    expect(diagnostics.map(({ code }) => code)).toStrictEqual(['missing-end-of-archive']);
  });

  test('throws the typed error of damaged input, of a limit, of an abort', async () => {
    const read = async (bytes: Buffer, options: Parameters<typeof readTar>[1]): Promise<void> => {
      for await (const { content } of readTar(pieces(bytes, 512), options)) await collect(content);
    };
    await expect(read(SAMPLE.subarray(0, 514), {})).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_TRUNCATED',
    });
    await expect(read(SAMPLE, { limits: { pathBytes: 0 } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
    });
    await expect(read(SAMPLE, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
    const controller = new AbortController();
    const late = (async () => {
      for await (const _ of readTar(pieces(SAMPLE, 512), { signal: controller.signal })) controller.abort();
    })();
    await expect(late).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  });
});
