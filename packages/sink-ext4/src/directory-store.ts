import { type DirectoryEntry, type DirectorySetup, encodeDirectory } from './directory.ts';
import { DIRECTORY_TAIL } from './format.ts';

const CHUNK = 1024 * 1024;

/** An encoded directory that waits for its blocks. */
export interface StoredDirectory {
  /** Bytes in all: whole blocks. */
  readonly size: number;
  /** Whether it has a hash tree. */
  readonly indexed: boolean;
  /** The bytes of one that has several blocks. */
  readonly bytes: Uint8Array | undefined;
  /** Where the entries of one that has one block are kept, and how many bytes they have. */
  readonly position: number;
  readonly length: number;
}

/**
 * Keeps encoded directories until it is known where their blocks are. Most are small and there can be millions: of those
 * the bytes in use lie side by side, for a buffer of its own would take ten times as much memory.
 */
export class DirectoryStore {
  readonly #scratch: Buffer;
  readonly #blockSize: number;
  readonly #chunks: Buffer[] = [];
  #used = CHUNK;

  /** @param blockSize - bytes */
  constructor(blockSize: number) {
    this.#blockSize = blockSize;
    this.#scratch = Buffer.alloc(blockSize);
  }

  /**
   * Encodes a directory and keeps it.
   *
   * @param entries - as for {@link encodeDirectory}
   * @param setup - as for {@link encodeDirectory}
   */
  add(entries: readonly DirectoryEntry[], setup: DirectorySetup): StoredDirectory {
    const { bytes, used, indexed } = encodeDirectory(entries, setup, this.#scratch);
    const size = bytes.length;
    if (bytes !== this.#scratch) return { size, indexed, bytes, position: 0, length: size };
    if (this.#chunks.length === 0 || used + DIRECTORY_TAIL > CHUNK - this.#used) {
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK));
      this.#used = 0;
    }
    const chunk = this.#chunks.length - 1;
    const position = chunk * CHUNK + this.#used;
    bytes.copy(this.#chunks[chunk] as Buffer, this.#used, 0, used);
    bytes.copy(this.#chunks[chunk] as Buffer, this.#used + used, size - DIRECTORY_TAIL);
    this.#used += used + DIRECTORY_TAIL;
    return { size, indexed, bytes: undefined, position, length: used };
  }

  /**
   * Gives a directory's blocks.
   *
   * @param directory - what {@link add} gave
   * @returns all bytes, valid until the next call
   */
  read({ bytes, position, length }: StoredDirectory): Uint8Array {
    if (bytes !== undefined) return bytes;
    const chunk = this.#chunks[Math.floor(position / CHUNK)] as Buffer;
    const start = position % CHUNK;
    const end = start + length;
    const tail = this.#blockSize - DIRECTORY_TAIL;
    chunk.copy(this.#scratch, 0, start, end);
    this.#scratch.fill(0, length, tail);
    chunk.copy(this.#scratch, tail, end, end + DIRECTORY_TAIL);
    return this.#scratch;
  }
}
