import { createHash } from 'node:crypto';
import { DigestMismatchError, OcirenderError } from '@ocirender/interface';

/** A digest taken apart. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower-case hexadecimal, 64 or 128 digits. */
  readonly hex: string;
}

const HEX_DIGITS = { sha256: 64, sha512: 128 } as const;

/**
 * Reads a digest such as `sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b`.
 *
 * Only the registered algorithms with exactly their number of lower-case digits pass, so a digest that was
 * read may become part of a path.
 *
 * @param text - the spelling
 * @param what - whose digest, for messages
 * @returns algorithm and digits
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_DIGEST` for anything else
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests
 */
export function parseDigest(text: string, what = 'digest'): Digest {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (algorithm !== 'sha256' && algorithm !== 'sha512') {
    throw invalidDigest(text, what, 'is not of the form sha256:… or sha512:…');
  }
  const hex = text.slice(colon + 1);
  const digits = HEX_DIGITS[algorithm];
  if (hex.length !== digits) throw invalidDigest(text, what, `has ${hex.length} digits instead of ${digits}`);
  if (!/^[0-9a-f]+$/.test(hex)) throw invalidDigest(text, what, 'has other characters than 0-9 and a-f');
  return { algorithm, hex };
}

function invalidDigest(text: string, what: string, why: string): OcirenderError {
  const shown = JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
  return new OcirenderError('ERR_OCIRENDER_INVALID_DIGEST', `${what}: ${shown} ${why}`);
}

/** What a blob must turn out to be. */
export interface Expected {
  /** `sha256:…` or `sha512:…`. */
  readonly digest: string;
  /** Size in bytes, when it is known. */
  readonly size?: number;
}

/**
 * Passes a blob's bytes on while counting and hashing them. Having yielded the last byte it throws instead of
 * ending when size or digest is wrong; surplus bytes are never yielded. A consumer that stops early has
 * verified nothing.
 *
 * @param source - the blob's bytes
 * @param expected - its promised digest and size
 * @param what - the blob's name for messages, for example `layer sha256:…`
 * @returns the same chunks
 * @throws {OcirenderError} `ERR_OCIRENDER_SIZE_MISMATCH`, or `ERR_OCIRENDER_INVALID_DIGEST` before the first byte
 * @throws {DigestMismatchError} when the bytes hash to another digest
 */
export async function* verifyingStream(
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
  what: string,
): AsyncGenerator<Uint8Array> {
  const { algorithm } = parseDigest(expected.digest, what);
  const hash = createHash(algorithm);
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (expected.size !== undefined && bytes > expected.size) {
      throw sizeMismatch(what, expected.size, `at least ${bytes}`);
    }
    hash.update(chunk);
    yield chunk;
  }
  if (expected.size !== undefined && bytes !== expected.size)
    throw sizeMismatch(what, expected.size, `${bytes}`);
  const actual = `${algorithm}:${hash.digest('hex')}`;
  if (actual !== expected.digest) throw new DigestMismatchError(what, expected.digest, actual);
}

/** Makes the error of a blob that is shorter or longer than promised. */
export function sizeMismatch(what: string, expected: number, actual: string, hint?: string): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SIZE_MISMATCH',
    `${what}: expected ${expected} bytes, found ${actual}`,
    { hint: hint ?? 'The data is damaged or incomplete; fetch the image again.' },
  );
}
