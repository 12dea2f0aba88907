import { FormatError } from '@ocirender/interface';
import { BLOCK_RAW, BLOCK_SIZE_MASK } from '../format.ts';
import { MetadataCursor, type MetadataReader } from './metadata-reader.ts';
import type { FilePlace } from './node.ts';

/** Size words read at a time. */
const WORDS = 1024;

/** A block of the image's data. */
export interface StoredBlock {
  /** Position in the image, in bytes. */
  readonly position: number;
  /** Stored bytes. */
  readonly stored: number;
  /** Whether it is stored as it is. */
  readonly raw: boolean;
}

/** What a file's next bytes are made of. */
export type Piece =
  | { readonly kind: 'hole'; readonly length: number }
  | {
      readonly kind: 'block';
      readonly block: StoredBlock;
      /** Bytes that the whole block has. */
      readonly size: number;
      /** First byte wanted of it, and the byte after the last. */
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'fragment'; readonly fragment: number; readonly from: number; readonly to: number };

/**
 * Decodes a size word.
 *
 * @param word - of a data block, not 0, or a fragment block
 * @param position - of the block in the image, in bytes
 * @param limits - the block size, and the image's end
 * @throws {FormatError} when there cannot be such a block
 */
export function storedBlock(
  word: number,
  position: number,
  limits: { readonly blockSize: number; readonly end: number },
): StoredBlock {
  const stored = word & BLOCK_SIZE_MASK;
  if (word > (BLOCK_RAW | BLOCK_SIZE_MASK) || stored === 0 || stored > limits.blockSize) {
    throw new FormatError(`a data block claims ${stored} stored bytes (size word ${word})`, position);
  }
  if (position + stored > limits.end) {
    throw new FormatError(`a data block of ${stored} bytes reaches beyond the image`, position);
  }
  return { position, stored, raw: (word & BLOCK_RAW) !== 0 };
}

/**
 * Lists what a range of a file is made of.
 *
 * @param inodes - the inode table, which holds the size words
 * @param place - of the file
 * @param range - within the file, in bytes
 * @param limits - the block size, the file's size and the image's end, in bytes
 * @throws {FormatError} when the words do not fit the image
 */
export async function* filePieces(
  inodes: MetadataReader,
  place: FilePlace,
  range: { readonly start: number; readonly end: number },
  limits: { readonly blockSize: number; readonly size: number; readonly end: number },
): AsyncGenerator<Piece> {
  const { blockSize, size } = limits;
  const cursor = new MetadataCursor(inodes, place.words.position, place.words.offset);
  let position = place.start;
  let hole = 0;
  const last = Math.min(place.blocks, Math.ceil(range.end / blockSize));
  for (let number = 0; number < last; ) {
    const count = Math.min(WORDS, last - number);
    const words = await cursor.take(4 * count);
    for (let i = 0; i < count; i++, number++) {
      const word = words.readUInt32LE(4 * i);
      const begin = number * blockSize;
      const length = Math.min(blockSize, size - begin);
      const from = Math.max(0, range.start - begin);
      const to = Math.min(length, range.end - begin);
      if (word === 0) {
        hole += Math.max(0, to - from);
        continue;
      }
      const block = storedBlock(word, position, limits);
      position += block.stored;
      if (from >= to) continue;
      if (hole > 0) yield { kind: 'hole', length: hole };
      hole = 0;
      yield { kind: 'block', block, size: length, from, to };
    }
  }
  if (hole > 0) yield { kind: 'hole', length: hole };
  if (place.fragment === undefined) return;
  const begin = place.blocks * blockSize;
  const from = Math.max(0, range.start - begin);
  const to = Math.min(size, range.end) - begin;
  if (from >= to) return;
  const offset = place.fragmentOffset;
  yield { kind: 'fragment', fragment: place.fragment, from: offset + from, to: offset + to };
}
