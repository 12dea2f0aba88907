import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Diagnostic } from '@ocirender/interface';
import { isOcirenderError } from '@ocirender/interface';
import { type Compression, type DecompressOptions, decompress } from '../../src/index.ts';

/** The bytes of the fixtures. */
export function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i % 251) ^ ((i >> 8) & 15);
  return bytes;
}

/** Bytes that hardly compress. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
}

/** A `sample(3000)` in each compression, made without tools. */
export async function compressed(compression: Compression): Promise<Buffer> {
  const bytes = sample(3000);
  switch (compression) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'zstd':
      return await zstd(bytes);
    case 'bzip2':
      return fixture('sample-3000.bz2');
    case 'xz':
      return await xz(bytes);
    case 'lzma':
      return fixture('sample-3000.lzma');
  }
}

export async function zstd(bytes: Uint8Array): Promise<Buffer> {
  return await (await import('@mongodb-js/zstd')).default.compress(Buffer.from(bytes));
}

export async function xz(bytes: Uint8Array): Promise<Buffer> {
  return Buffer.from(await (await import('lzma-native')).default.compress(bytes, { preset: 1 }));
}

/** LZMA-alone with the size in its header. */
export async function lzma(bytes: Uint8Array): Promise<Buffer> {
  const { LZMA } = (await import('lzma-native')).default;
  return await new Promise((resolve) => LZMA().compress(bytes, 1, (output) => resolve(Buffer.from(output))));
}

/** A source in pieces: of one length, or as long as the list says and then the rest. */
export async function* pieces(
  bytes: Uint8Array,
  cuts: number | readonly number[],
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = typeof cuts === 'number' ? cuts : (cuts[i] ?? bytes.length);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

export interface Outcome {
  readonly output: Buffer;
  /** The error's code. */
  readonly error: string | undefined;
  readonly diagnostics: readonly string[];
}

/** Decompresses everything; an error that is not typed is thrown on. */
export async function outcome(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  const diagnostics: Diagnostic[] = [];
  let error: string | undefined;
  try {
    const stream = decompress(source, { ...options, diagnose: (diagnostic) => diagnostics.push(diagnostic) });
    for await (const chunk of stream) chunks.push(Uint8Array.from(chunk));
  } catch (thrown) {
    if (!isOcirenderError(thrown)) throw thrown;
    error = thrown.code;
  }
  return { output: Buffer.concat(chunks), error, diagnostics: diagnostics.map((d) => d.code) };
}
