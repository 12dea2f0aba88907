import {
  type ContentChunk,
  FormatError,
  type ImageNode,
  isOcirenderError,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  throwIfAborted,
} from '@ocirender/interface';
import type { Superblock } from '../superblock.ts';
import { filePieces, type Piece, type StoredBlock } from './block-plan.ts';
import { BlockQueue, type QueuedPiece } from './block-queue.ts';
import type { BlockDecoder } from './decoder.ts';
import { FragmentReader } from './fragment-reader.ts';
import type { ImageFile } from './image-file.ts';
import { MAX_READ_AHEAD, SCRATCH_EXTRA } from './limits.ts';
import type { LookupTable } from './lookup-table.ts';
import type { MetadataReader } from './metadata-reader.ts';
import { type FilePlace, SquashfsNode } from './node.ts';
import { ReadAhead } from './read-ahead.ts';

/** What contents are read from. */
export interface ContentTables {
  readonly file: ImageFile;
  readonly superblock: Superblock;
  readonly decoder: BlockDecoder;
  readonly inodes: MetadataReader;
  readonly fragments: LookupTable | undefined;
  /** Blocks that may be in work at a time. */
  readonly threads: number;
}

interface Wanted {
  readonly node: ImageNode;
  readonly place: FilePlace;
  readonly start: number;
  readonly end: number;
}

/** Reads one file's range. */
export async function* readContent(
  tables: ContentTables,
  node: ImageNode,
  options: ReadOptions,
): AsyncGenerator<ContentChunk> {
  const start = Math.max(0, options.start ?? 0);
  const end = Math.min(node.size, options.end ?? node.size);
  const queue = openQueue(tables, [{ node, place: filePlace(node), start, end }]);
  yield* pieces(queue, 0, options.signal);
}

/** Reads files whole, in the order in which the image stores them. */
export async function* readContents(
  tables: ContentTables,
  files: Iterable<ImageNode>,
  signal: AbortSignal | undefined,
): AsyncGenerator<NodeContent> {
  const wanted = await inStorageOrder(tables, files);
  const queue = openQueue(tables, wanted);
  for (const [number, { node }] of wanted.entries()) {
    throwIfAborted(signal);
    yield { node, content: pieces(queue, number, signal) };
  }
}

async function* pieces(
  queue: BlockQueue,
  file: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ContentChunk> {
  for (;;) {
    throwIfAborted(signal);
    const chunk = await queue.take(file);
    if (chunk === undefined) return;
    yield chunk;
  }
}

/** Sorts by where the first byte is: a fragment block is read once for all the files in it. */
async function inStorageOrder(tables: ContentTables, files: Iterable<ImageNode>): Promise<Wanted[]> {
  const { superblock } = tables;
  const limits = { blockSize: superblock.blockSize, end: superblock.bytesUsed };
  const keyed: { position: number; offset: number; wanted: Wanted }[] = [];
  for (const node of files) {
    const place = filePlace(node);
    const wanted = { node, place, start: 0, end: node.size };
    if (place.fragment === undefined || place.blocks > 0) {
      keyed.push({ position: node.size === 0 ? 0 : place.start, offset: 0, wanted });
      continue;
    }
    const { position } = await FragmentReader.locate(tables.fragments, place.fragment, limits);
    keyed.push({ position, offset: place.fragmentOffset, wanted });
  }
  keyed.sort((a, b) => a.position - b.position || a.offset - b.offset);
  return keyed.map(({ wanted }) => wanted);
}

function openQueue(tables: ContentTables, wanted: readonly Wanted[]): BlockQueue {
  const { file, superblock, decoder, fragments } = tables;
  const { blockSize } = superblock;
  const limits = { blockSize, end: superblock.bytesUsed };
  const ahead = new ReadAhead(file, { minimum: 2 * blockSize, maximum: MAX_READ_AHEAD, prefetch: true });
  // One block is in work at a time if there is no pool, so that it can always go to the same memory.
  const scratch = decoder.pooled ? undefined : Buffer.allocUnsafeSlow(blockSize + SCRATCH_EXTRA);

  const decode = async (block: StoredBlock, memory: Uint8Array | undefined): Promise<Uint8Array> => {
    const read = ahead.read(block.position, block.stored);
    const stored = read instanceof Promise ? await read : read;
    if (block.raw) return stored;
    try {
      const decoded = decoder.decode(stored, blockSize, memory);
      return decoded instanceof Promise ? await decoded : decoded;
    } catch (cause) {
      if (isOcirenderError(cause)) throw cause;
      throw new FormatError('a data block cannot be decompressed', block.position, { cause });
    }
  };
  const tails = new FragmentReader(fragments, limits, async (block) => {
    const contents = await decode(block, undefined);
    // A view of what was read would keep all of that.
    return block.raw ? contents.slice() : contents;
  });
  const load = async (piece: Piece): Promise<ContentChunk> => {
    if (piece.kind === 'hole') return { hole: piece.length };
    if (piece.kind === 'fragment') {
      const contents = await tails.block(piece.fragment);
      if (piece.to > contents.length) {
        throw new FormatError(
          `a file's tail ends at byte ${piece.to} of fragment ${piece.fragment}, which has ${contents.length}`,
          superblock.fragmentTable ?? 0,
        );
      }
      return contents.subarray(piece.from, piece.to);
    }
    const contents = await decode(piece.block, scratch);
    if (contents.length !== piece.size) {
      throw new FormatError(
        `a data block has ${contents.length} bytes, where ${piece.size} belong`,
        piece.block.position,
      );
    }
    return contents.subarray(piece.from, piece.to);
  };
  return new BlockQueue(queuedPieces(tables, wanted), load, decoder.pooled ? tables.threads : 0);
}

async function* queuedPieces(
  { inodes, superblock }: ContentTables,
  wanted: readonly Wanted[],
): AsyncGenerator<QueuedPiece> {
  for (const [file, { node, place, start, end }] of wanted.entries()) {
    if (start >= end) continue;
    const limits = { blockSize: superblock.blockSize, size: node.size, end: superblock.bytesUsed };
    for await (const piece of filePieces(inodes, place, { start, end }, limits)) yield { file, piece };
  }
}

function filePlace(node: ImageNode): FilePlace {
  const place = SquashfsNode.file(node);
  if (place !== undefined) return place;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `not a file of this squashfs image: a ${node.type}`);
}
