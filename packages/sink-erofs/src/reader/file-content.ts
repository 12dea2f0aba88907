import { type ContentChunk, FormatError, type ReadOptions, throwIfAborted } from '@ocirender/interface';
import { CHUNK_BITS_MASK, CHUNK_INDEXES, LAYOUT, NULL_ADDRESS } from '../format.ts';
import type { ImageFile } from './image-file.ts';
import type { ErofsNode } from './inode.ts';
import type { ReadSuperblock } from './superblock.ts';

/** Bytes that are read at a time. */
const READ_SIZE: number = 1024 * 1024;

/** Bytes of a file that are side by side in the image, or a hole. */
interface Piece {
  /** Position in the image; undefined for a hole. */
  readonly position: number | undefined;
  readonly length: number;
}

/**
 * Reads the bytes of an uncompressed inode.
 *
 * @param file - the image
 * @param superblock - of the image
 * @param node - a file, directory or symbolic link
 * @param options - which bytes
 * @throws {FormatError} when the inode is damaged
 */
export async function* readPlain(
  file: ImageFile,
  superblock: ReadSuperblock,
  node: ErofsNode,
  options: ReadOptions = {},
): AsyncGenerator<ContentChunk> {
  const start = Math.max(0, options.start ?? 0);
  const end = Math.min(node.dataSize, options.end ?? node.dataSize);
  const what = `inode ${node.id}`;
  let buffer = Buffer.alloc(0);
  let at = start;
  while (at < end) {
    const piece = await pieceAt(file, superblock, node, at);
    const length = Math.min(piece.length, end - at);
    if (piece.position === undefined) {
      yield { hole: length };
      at += length;
      continue;
    }
    file.check(piece.position, length, what);
    for (let done = 0; done < length; ) {
      throwIfAborted(options.signal);
      const take = Math.min(READ_SIZE, length - done);
      if (buffer.length < take) buffer = Buffer.allocUnsafe(take);
      const bytes = buffer.subarray(0, take);
      await file.read(bytes, piece.position + done, what);
      yield bytes;
      done += take;
    }
    at += length;
  }
}

/** Finds the bytes from `at` on that are side by side. */
async function pieceAt(
  file: ImageFile,
  superblock: ReadSuperblock,
  node: ErofsNode,
  at: number,
): Promise<Piece> {
  const { blockSize } = superblock;
  if (node.layout === LAYOUT.chunks) return chunkAt(file, superblock, node, at);
  const start = node.union * blockSize;
  if (node.layout === LAYOUT.plain) return { position: start + at, length: node.dataSize - at };
  const tail = Math.floor((node.dataSize - 1) / blockSize) * blockSize;
  if (at < tail) return { position: start + at, length: tail - at };
  const inBlock = node.beside % blockSize;
  if (inBlock + node.dataSize - tail > blockSize)
    throw new FormatError(`inode ${node.id}: its tail crosses the end of a block`, node.beside);
  return { position: node.beside + at - tail, length: node.dataSize - at };
}

async function chunkAt(
  file: ImageFile,
  { blockSize }: ReadSuperblock,
  node: ErofsNode,
  at: number,
): Promise<Piece> {
  const format = node.union & 0xffff;
  if ((format & ~(CHUNK_BITS_MASK | CHUNK_INDEXES)) !== 0)
    throw new FormatError(`inode ${node.id}: unknown chunk format 0x${format.toString(16)}`, node.beside);
  const chunkSize = blockSize * 2 ** (format & CHUNK_BITS_MASK);
  const indexed = (format & CHUNK_INDEXES) !== 0;
  const entrySize = indexed ? 8 : 4;
  const table = Math.ceil(node.beside / entrySize) * entrySize;
  const first = Math.floor(at / chunkSize);
  const chunks = Math.ceil(node.dataSize / chunkSize);
  file.check(table, chunks * entrySize, `inode ${node.id}: its table of ${chunks} chunks`);
  let start: number | undefined;
  let count = 0;
  // Chunks that follow each other are read as one, as far as a part of the table tells.
  const most = Math.min(chunks - first, 1024);
  const bytes = await file.metadata(table + first * entrySize, most * entrySize, 'chunk table');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (; count < most; count++) {
    const entry = count * entrySize;
    if (indexed && view.getUint16(entry + 2, true) !== 0)
      throw new FormatError(`inode ${node.id}: a chunk on another device`, table + first * entrySize + entry);
    const address = view.getUint32(entry + (indexed ? 4 : 0), true);
    const position = address === NULL_ADDRESS ? undefined : address * blockSize;
    if (count === 0) start = position;
    else if (start === undefined ? position !== undefined : position !== start + count * chunkSize) break;
  }
  const length = Math.min((first + count) * chunkSize, node.dataSize) - at;
  return { position: start === undefined ? undefined : start + (at - first * chunkSize), length };
}
