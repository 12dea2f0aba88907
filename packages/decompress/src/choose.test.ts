import { gzipSync } from 'node:zlib';
import tar from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { compressed, outcome, pieces, sample } from '../test/support/streams.ts';
import { type Compression, detectCompression } from './index.ts';

const OCI = 'application/vnd.oci.image.layer.v1.tar';

async function tarOf(name: string): Promise<Buffer> {
  const pack = tar.pack();
  pack.entry({ name, mtime: new Date(0) }, 'content');
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('detectCompression', () => {
  test.each<Compression>(['gzip', 'zstd', 'bzip2', 'xz', 'lzma'])('knows %s', async (compression) => {
    expect(detectCompression(await compressed(compression))).toBe(compression);
  });

  test('knows a skippable zstd frame', () => {
    expect(detectCompression(Uint8Array.of(0x5c, 0x2a, 0x4d, 0x18))).toBe('zstd');
  });

  test.each([
    ['nothing', []],
    ['a cut gzip magic', [0x1f, 0x8b]],
    ['gzip with another method', [0x1f, 0x8b, 7, 0]],
    ['bzip2 of level 0', [0x42, 0x5a, 0x68, 0x30]],
    ['lzma with a dictionary of 3 KiB', [0x5d, 0, 12, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0]],
    ['lzma of 2^40 bytes', [0x5d, 0, 0, 128, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]],
  ])('does not know %s', (_, bytes) => {
    expect(detectCompression(Uint8Array.from(bytes))).toBeUndefined();
  });
});

describe('when media type and bytes disagree', () => {
  const compressions: readonly Compression[] = ['none', 'gzip', 'zstd', 'bzip2', 'xz', 'lzma'];
  const pairs = compressions.flatMap((said) =>
    compressions
      .filter((is) => is !== said && is !== 'none')
      .map((is): [Compression, Compression] => [said, is]),
  );

  test.each(pairs)('%s said, %s found: the bytes win', async (said, is) => {
    const mediaType = said === 'none' ? OCI : `${OCI}+${said}`;
    expect(await outcome(pieces(await compressed(is), 100), { mediaType })).toEqual({
      output: sample(3000),
      error: undefined,
      diagnostics: ['media-type-mismatch'],
    });
  });

  test('a plain tar that is said to be gzip is read as it is', async () => {
    const archive = await tarOf('a');
    const expected = { output: archive, error: undefined, diagnostics: ['media-type-mismatch'] };
    expect(await outcome(pieces(archive, 7), { mediaType: `${OCI}+gzip` })).toEqual(expected);
  });

  test.each(['\x1f\x8b\x08', '(\xb5/\xfd', 'BZh91AY&SY', '\xfd7zXZ'])(
    'a tar whose first name begins with the magic %j is a tar',
    async (name) => {
      const archive = await tarOf('x');
      archive.write(name, 0, 'latin1');
      let sum = 0;
      for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : archive[i]!;
      archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      const expected = { output: archive, error: undefined, diagnostics: [] };
      expect(await outcome(pieces(archive, 1000), { mediaType: OCI })).toEqual(expected);
      expect(await outcome(pieces(archive, 1000))).toEqual(expected);
    },
  );

  test('bytes of no kind at all are damaged data of the kind that is said', async () => {
    for (const kind of ['gzip', 'zstd', 'bzip2', 'xz', 'lzma']) {
      const found = await outcome(pieces(Buffer.alloc(600, 0xee), 100), { mediaType: `${OCI}+${kind}` });
      expect(found).toEqual({ output: Buffer.alloc(0), error: 'ERR_OCIRENDER_FORMAT', diagnostics: [] });
    }
  });
});

describe('without a media type', () => {
  test('the kind is told from the bytes', async () => {
    expect((await outcome(pieces(gzipSync(sample(10)), 3))).output).toEqual(sample(10));
  });

  test.each([0, 1, 2, 3, 4, 600])('%i bytes of no kind are plain', async (length) => {
    const bytes = Buffer.alloc(length, 'x');
    expect(await outcome(pieces(bytes, 2))).toEqual({ output: bytes, error: undefined, diagnostics: [] });
  });
});

test('an explicit compression overrides both', async () => {
  const bytes = gzipSync('x');
  const found = await outcome(pieces(bytes, 5), { compression: 'none', mediaType: `${OCI}+zstd` });
  expect(found).toEqual({ output: bytes, error: undefined, diagnostics: [] });
});

test('an unknown media type is refused before the source is read', async () => {
  let read = false;
  const source = (async function* () {
    read = true;
    yield new Uint8Array(1);
  })();
  expect((await outcome(source, { mediaType: 'text/plain' })).error).toBe(
    'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
  );
  expect(read).toBe(false);
});
