import type { DiagnosticHandler, Layer } from '@ocirender/interface';
import type { DecompressLimits } from '../limits.ts';

/** What it takes to read a layer. */
export interface LayerInputOptions {
  readonly limits: DecompressLimits;
  readonly signal?: AbortSignal;
  readonly diagnose: DiagnosticHandler;
  /** Called with the number of stored bytes read so far. */
  readonly onBytes?: (bytes: number) => void;
}

/** One layer on its way from stored bytes to tar bytes: read, hashed, decompressed, hashed. */
export interface LayerInput {
  /**
   * Gives the next bytes of the tar.
   *
   * @returns bytes that are the input's again at the next call; undefined at the end
   * @throws {FormatError} when the stored data is damaged, and whatever else `decompress` throws
   */
  next(): Promise<Uint8Array | undefined>;
  /**
   * Reads and checks the stored bytes to their end without decompressing them, or until there are more than `most`. To be
   * called when {@link next} has given its last, or is not going to be called any more.
   *
   * @param most - bytes
   * @throws {DigestMismatchError} and what else the layer's stream throws
   */
  drainStored(most: number): Promise<void>;
  /**
   * Gives the digest of the tar, once {@link next} has given all of it.
   *
   * @returns `sha256:…`, of the algorithm of the layer's diff_id; undefined when the layer has none
   */
  tarDigest(): Promise<string | undefined>;
  /** Closes everything. Never throws. */
  close(): Promise<void>;
}

/** The algorithm of a layer's diff_id; undefined where it has none. */
export function diffIdAlgorithm({ diffId }: Pick<Layer, 'diffId'>): string | undefined {
  return diffId?.split(':', 1)[0];
}
