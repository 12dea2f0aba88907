import { createHash } from 'node:crypto';
import { type ImageNode, type ImageSource, isHole, throwIfAborted } from '@ocirender/interface';
import type { DigestBatch, DigestOptions } from './compared-image.ts';

/** Bytes of a SHA-256. */
export const DIGEST_BYTES = 32;

/** Files, and bytes, after which a batch is passed on. */
const BATCH_FILES = 1024;
const BATCH_BYTES = 64 * 1024 * 1024;
/** Bytes after which progress is told. */
const STEP_BYTES = 4 * 1024 * 1024;
const ZEROS = new Uint8Array(64 * 1024);

/** Collects digests for a batch. */
class BatchBuilder {
  readonly #ids: number[] = [];
  readonly #digests: Buffer[] = [];
  bytes = 0;

  add(id: number, digest: Buffer, size: number): void {
    this.#ids.push(id);
    this.#digests.push(digest);
    this.bytes += size;
  }

  get isFull(): boolean {
    return this.#ids.length >= BATCH_FILES || this.bytes >= BATCH_BYTES;
  }

  get isEmpty(): boolean {
    return this.#ids.length === 0;
  }

  take(): DigestBatch {
    const ids = Float64Array.from(this.#ids);
    const digests = new Uint8Array(this.#digests.length * DIGEST_BYTES);
    for (const [index, digest] of this.#digests.entries()) digests.set(digest, index * DIGEST_BYTES);
    this.#ids.length = 0;
    this.#digests.length = 0;
    this.bytes = 0;
    return { ids, digests };
  }
}

/**
 * Hashes the contents of files, in the order that costs the source the least.
 *
 * @param source - where they are
 * @param nodes - regular files of it
 * @param options - signal and listener
 * @returns all digests, in batches; those that the source knows already come first
 */
export async function* digestFiles(
  source: ImageSource,
  nodes: Iterable<ImageNode>,
  options: DigestOptions = {},
): AsyncGenerator<DigestBatch> {
  const { signal, onBytes } = options;
  const batch = new BatchBuilder();
  const unknown: ImageNode[] = [];
  for (const node of nodes) {
    if (node.sha256 !== undefined) batch.add(node.id, Buffer.from(node.sha256, 'hex'), 0);
    else if (node.size === 0) batch.add(node.id, createHash('sha256').digest(), 0);
    else unknown.push(node);
    if (batch.isFull) yield batch.take();
  }
  if (unknown.length > 0) {
    let untold = 0;
    for await (const { node, content } of source.contents(unknown, signal === undefined ? {} : { signal })) {
      const hash = createHash('sha256');
      for await (const chunk of content) {
        const length = isHole(chunk) ? chunk.hole : chunk.length;
        if (!isHole(chunk)) hash.update(chunk);
        else {
          for (let left = chunk.hole; left > 0; left -= ZEROS.length) {
            hash.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
          }
        }
        untold += length;
        if (untold < STEP_BYTES) continue;
        throwIfAborted(signal);
        onBytes?.(untold);
        untold = 0;
      }
      batch.add(node.id, hash.digest(), node.size);
      if (batch.isFull) yield batch.take();
    }
    onBytes?.(untold);
  }
  if (!batch.isEmpty) yield batch.take();
}
