import { type ContentChunk, FormatError, throwIfAborted } from '@ocirender/interface';
import type { BlockMapper } from './block-mapper.ts';
import type { ImageFile } from './image-file.ts';
import { hasFlag, type RawInode } from './read-inode.ts';
import { INLINE_DATA } from './read-xattrs.ts';

/** Bytes that are read at a time. */
const PIECE = 1024 * 1024;

/** Reads bytes of the image. */
export type ReadBytes = (position: number, length: number) => Promise<Buffer>;

/**
 * Reads ahead: files that are asked for in the order of the image cost one read for many.
 *
 * @param file - the image
 */
export function readingAhead(file: ImageFile): ReadBytes {
  let window: Buffer = Buffer.alloc(0);
  let start = 0;
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      const ahead = Math.min(PIECE, file.size - position);
      if (length >= PIECE || ahead < length || file.size === Number.MAX_SAFE_INTEGER)
        return file.read(position, length);
      window = await file.read(position, ahead);
      start = position;
    }
    return window.subarray(position - start, position - start + length);
  };
}

/** What reading an inode's bytes needs. */
export interface ContentSetup {
  readonly mapper: BlockMapper;
  readonly blockSize: number;
  readonly read: ReadBytes;
  /** Gives the part of inline data that is an attribute. */
  readonly inlineRest: (inode: RawInode) => Promise<Uint8Array | undefined>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a range of an inode's bytes, holes as holes.
 *
 * @param inode - a file, directory or symbolic link
 * @param start - first byte
 * @param end - the byte after the last, at most the inode's size
 * @param setup - see {@link ContentSetup}
 */
export async function* readContent(
  inode: RawInode,
  start: number,
  end: number,
  setup: ContentSetup,
): AsyncGenerator<ContentChunk> {
  if (start >= end) return;
  const { mapper, blockSize, read, signal } = setup;
  if (hasFlag(inode, 'inlineData')) {
    const bytes = await inlineBytes(inode, setup);
    yield bytes.subarray(start, end);
    return;
  }
  let at = start;
  const first = Math.floor(start / blockSize);
  for await (const { logical, physical, count } of mapper.extents(inode, first, Math.ceil(end / blockSize))) {
    const from = Math.max(logical * blockSize, at);
    const to = Math.min((logical + count) * blockSize, end);
    if (from >= to) continue;
    if (from > at) yield { hole: from - at };
    for (at = from; at < to; ) {
      throwIfAborted(signal);
      const length = Math.min(PIECE, to - at);
      yield await read(physical * blockSize + at - logical * blockSize, length);
      at += length;
    }
  }
  if (at < end) yield { hole: end - at };
}

/** The first 60 bytes where block numbers would be, the rest in an attribute. */
async function inlineBytes(inode: RawInode, { inlineRest }: ContentSetup): Promise<Buffer> {
  const rest = await inlineRest(inode);
  const bytes = Buffer.concat([inode.block, rest ?? new Uint8Array(0)]);
  if (bytes.length >= inode.size) return bytes.subarray(0, inode.size);
  throw new FormatError(`inode ${inode.number}: inline data without ${INLINE_DATA}`, inode.position);
}
