import { FormatError, LimitError } from '@ocirender/interface';
import type { FilePair, FileSide } from '../compare/compare-names.ts';
import type { ComparedImage } from '../image/compared-image.ts';
import { DigestTable } from './digest-table.ts';

/** Pairs of files whose contents differ. */
export interface ContentDifference {
  readonly pair: FilePair;
  /** SHA-256 of both in hexadecimal. */
  readonly subject: string;
  readonly reference: string;
}

/** What a comparison of contents needs. */
export interface ContentsOptions {
  /** Most bytes to read of one side. */
  readonly totalBytes: number;
  readonly signal: AbortSignal;
  /** Stops the other side when one fails. */
  readonly cancel: (reason: unknown) => void;
  readonly onProgress: (bytes: number, totalBytes: number) => void;
}

/** What a comparison of contents found. */
export interface ContentsResult {
  readonly different: readonly ContentDifference[];
  /** Pairs of inodes. */
  readonly files: number;
  /** Their bytes as the subject has them. */
  readonly bytes: number;
}

/**
 * Hashes the files of both images at the same time, each in the order that costs its image the least, and compares.
 *
 * @param subject - one image
 * @param reference - the other
 * @param pairs - what to compare
 * @param options - limits and listeners
 * @returns the pairs that differ, in the order of `pairs`
 * @throws {LimitError} `totalBytes` when the files are said to have more bytes
 */
export async function compareContents(
  subject: ComparedImage,
  reference: ComparedImage,
  pairs: readonly FilePair[],
  options: ContentsOptions,
): Promise<ContentsResult> {
  const wanted = {
    subject: wantedFiles(pairs.map((pair) => pair.subject)),
    reference: wantedFiles(pairs.map((pair) => pair.reference)),
  };
  const totalBytes = wanted.subject.bytes + wanted.reference.bytes;
  for (const [side, { bytes }] of Object.entries(wanted)) {
    if (bytes > options.totalBytes) {
      throw new LimitError('totalBytes', options.totalBytes, `the files of the ${side} have ${bytes} bytes`);
    }
  }
  let bytes = 0;
  options.onProgress(0, totalBytes);
  const onBytes = (more: number): void => {
    bytes += more;
    options.onProgress(bytes, totalBytes);
  };
  const hash = async (image: ComparedImage, ids: Float64Array<ArrayBuffer>): Promise<DigestTable> => {
    const table = new DigestTable();
    try {
      for await (const batch of image.digests(ids, { signal: options.signal, onBytes })) table.add(batch);
    } catch (error) {
      options.cancel(error);
      throw error;
    }
    return table;
  };
  const tables = await bothOrFirstFailure(
    hash(subject, wanted.subject.ids),
    hash(reference, wanted.reference.ids),
  );
  return comparePairs(pairs, ...tables);
}

/** Waits for both, so that nothing runs on; the first failure counts, the other is its consequence. */
async function bothOrFirstFailure<T>(a: Promise<T>, b: Promise<T>): Promise<[T, T]> {
  try {
    return await Promise.all([a, b]);
  } finally {
    await Promise.allSettled([a, b]);
  }
}

function wantedFiles(files: readonly FileSide[]): {
  readonly ids: Float64Array<ArrayBuffer>;
  readonly bytes: number;
} {
  const ids = new Set<number>();
  let bytes = 0;
  for (const { id, size, known } of files) {
    if (ids.has(id)) continue;
    ids.add(id);
    if (!known) bytes += size;
  }
  return { ids: Float64Array.from(ids), bytes };
}

function comparePairs(
  pairs: readonly FilePair[],
  subject: DigestTable,
  reference: DigestTable,
): ContentsResult {
  const different: ContentDifference[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const pair of pairs) {
    const a = digestOf(subject, pair.subject);
    const b = digestOf(reference, pair.reference);
    const key = `${pair.subject.id} ${pair.reference.id}`;
    if (!seen.has(key)) {
      seen.add(key);
      bytes += pair.subject.size;
    }
    if (Buffer.compare(a, b) !== 0) different.push({ pair, subject: hex(a), reference: hex(b) });
  }
  return { different, files: seen.size, bytes };
}

function digestOf(table: DigestTable, { id }: FileSide): Uint8Array {
  const digest = table.get(id);
  if (digest === undefined) throw new FormatError(`the reader left out the contents of file ${id}`, 0);
  return digest;
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}
