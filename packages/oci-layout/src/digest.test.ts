import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, sha256, sha512 } from '../test/layout-fixture.ts';
import { parseDigest, verifyingStream } from './digest.ts';

async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

describe('parseDigest', () => {
  it('takes sha256 and sha512 apart', () => {
    expect(parseDigest(`sha256:${'0a'.repeat(32)}`)).toEqual({ algorithm: 'sha256', hex: '0a'.repeat(32) });
    expect(parseDigest(`sha512:${'0a'.repeat(64)}`)).toEqual({ algorithm: 'sha512', hex: '0a'.repeat(64) });
  });

  it.each([
    '',
    ':',
    'sha256',
    'sha256:',
    `sha256:${'0A'.repeat(32)}`,
    `sha256:${'0a'.repeat(31)}`,
    `sha256:${'0a'.repeat(33)}`,
    `sha512:${'0a'.repeat(32)}`,
    `SHA256:${'0a'.repeat(32)}`,
    `md5:${'0a'.repeat(16)}`,
    `sha256:${'0a'.repeat(31)}/.`,
    'sha256:../../../../etc/passwd',
    `sha256:${'0a'.repeat(32)}\n`,
    `__proto__:${'0a'.repeat(32)}`,
  ])('refuses %j', (text) => {
    expect(() => parseDigest(text)).toThrow(
      expect.objectContaining({ code: 'ERR_OCIRENDER_INVALID_DIGEST' }),
    );
  });

  it('never lets a path separator through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(parseDigest(text).hex).toMatch(/^[0-9a-f]{64,128}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_OCIRENDER_INVALID_DIGEST' });
        }
      }),
    );
  });
});

describe('verifyingStream', () => {
  it('passes the bytes on', async () => {
    for (const digest of [sha256('hello world'), sha512('hello world')]) {
      const stream = verifyingStream(chunks('hello', ' ', 'world'), { digest, size: 11 }, 'blob');
      expect((await collect(stream)).toString()).toBe('hello world');
    }
    const unsized = verifyingStream(chunks('hello'), { digest: sha256('hello') }, 'blob');
    expect((await collect(unsized)).toString()).toBe('hello');
    expect(await collect(verifyingStream(chunks(), { digest: sha256(''), size: 0 }, 'blob'))).toHaveLength(0);
  });

  it('throws after the last byte when the digest differs', async () => {
    const stream = verifyingStream(chunks('hello'), { digest: sha256('world'), size: 5 }, 'layer X');
    expect((await stream.next()).value).toEqual(Buffer.from('hello'));
    await expect(stream.next()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      expected: sha256('world'),
      actual: sha256('hello'),
      message: expect.stringContaining('layer X'),
    });
  });

  it('throws when bytes are missing', async () => {
    const stream = verifyingStream(chunks('hell'), { digest: sha256('hello'), size: 5 }, 'layer X');
    await expect(collect(stream)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SIZE_MISMATCH',
      message: 'layer X: expected 5 bytes, found 4',
    });
  });

  it('throws as soon as there is too much, and yields none of it', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      while (true) yield new Uint8Array(4);
    }
    const seen: Uint8Array[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of verifyingStream(endless(), { digest: sha256(''), size: 10 }, 'blob'))
        seen.push(chunk);
    };
    await expect(read()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_SIZE_MISMATCH' });
    expect(seen).toHaveLength(2);
  });

  it('ends its source when the consumer stops', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        while (true) yield new Uint8Array(4);
      } finally {
        ended = true;
      }
    }
    for await (const _ of verifyingStream(source(), { digest: sha256('') }, 'blob')) break;
    expect(ended).toBe(true);
  });
});
