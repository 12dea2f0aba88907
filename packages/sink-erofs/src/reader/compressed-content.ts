import * as zlib from 'node:zlib';
import {
  type ContentChunk,
  FormatError,
  OcirenderError,
  type ReadOptions,
  throwIfAborted,
} from '@ocirender/interface';
import { ALGORITHM, MAX_CLUSTER_SIZE } from '../compression.ts';
import { CLUSTER_TYPE, INCOMPAT } from '../format.ts';
import { type ClusterHeader, readClusterEntries, readClusterHeader } from './cluster-index.ts';
import type { ImageFile } from './image-file.ts';
import type { ErofsNode } from './inode.ts';
import { decompressLz4 } from './lz4-block.ts';
import type { ReadSuperblock } from './superblock.ts';

/** Most bytes that a cluster may give (`Z_EROFS_PCLUSTER_MAX_DSIZE`). */
const MAX_EXTENT: number = 12 * 1024 * 1024;

/** Bytes of a file that are compressed together. */
interface Extent {
  readonly start: number;
  readonly length: number;
  /** First block in the image. */
  readonly address: number;
  readonly blocks: number;
  /** One of `CLUSTER_TYPE`, not `nonHead`. */
  readonly type: number;
}

/**
 * Reads the bytes of a compressed inode.
 *
 * @param file - the image
 * @param superblock - of the image
 * @param node - of one of the compressed layouts
 * @param options - which bytes
 * @throws {FormatError} when the inode is damaged, or compressed in a way that this reader does not know
 */
export async function* readCompressed(
  file: ImageFile,
  superblock: ReadSuperblock,
  node: ErofsNode,
  options: ReadOptions = {},
): AsyncGenerator<ContentChunk> {
  const start = Math.max(0, options.start ?? 0);
  const end = Math.min(node.dataSize, options.end ?? node.dataSize);
  const header = await readClusterHeader(file, node);
  for await (const extent of extentsOf(file, superblock, node, header)) {
    if (extent.start >= end) return;
    if (extent.start + extent.length <= start) continue;
    throwIfAborted(options.signal);
    const bytes = await decompress(file, superblock, node, header, extent);
    yield bytes.subarray(Math.max(0, start - extent.start), Math.min(extent.length, end - extent.start));
  }
}

async function* extentsOf(
  file: ImageFile,
  { blockSize }: ReadSuperblock,
  node: ErofsNode,
  header: ClusterHeader,
): AsyncGenerator<Extent> {
  const fail = (message: string): never => {
    throw new FormatError(`inode ${node.id}: ${message}`, header.start);
  };
  const size = node.dataSize;
  let open: (Omit<Extent, 'length' | 'blocks'> & { readonly block: number }) | undefined;
  let blocks = 1;
  let block = 0;
  const close = (end: number): Extent => {
    const { start, address, type } = open as NonNullable<typeof open>;
    const length = end - start;
    if (length <= 0 || length > MAX_EXTENT) return fail(`a cluster of ${length} bytes`);
    if (blocks === 0 || blocks * blockSize > MAX_CLUSTER_SIZE) return fail(`a cluster of ${blocks} blocks`);
    return { start, length, address, blocks, type };
  };
  for await (const entry of readClusterEntries(file, node, header, Math.ceil(size / blockSize))) {
    if (entry.type === CLUSTER_TYPE.nonHead) {
      if (open === undefined) return fail('its index does not begin with a beginning');
      if (block === open.block + 1 && entry.blocks !== undefined) blocks = entry.blocks;
    } else {
      const at = block * blockSize + entry.offset;
      if (entry.offset >= blockSize) return fail(`a cluster that begins at ${entry.offset} of a block`);
      if (open === undefined ? at !== 0 : at <= open.start) return fail('its clusters are out of order');
      if (open !== undefined) yield close(Math.min(at, size));
      open = undefined;
      // Behind the end begins nothing: this only tells where the last one ends.
      if (at >= size) return;
      open = { start: at, address: entry.address, type: entry.type, block };
      blocks = 1;
    }
    block++;
  }
  if (open !== undefined) yield close(size);
}

async function decompress(
  file: ImageFile,
  { blockSize, features }: ReadSuperblock,
  node: ErofsNode,
  header: ClusterHeader,
  { length, address, blocks, type }: Extent,
): Promise<Uint8Array> {
  const position = address * blockSize;
  const input = Buffer.alloc(blocks * blockSize);
  await file.read(input, position, `inode ${node.id}`);
  if (type === CLUSTER_TYPE.plain) {
    if (length > input.length)
      throw new FormatError(`inode ${node.id}: ${length} bytes in ${blocks} blocks`, position);
    return input.subarray(0, length);
  }
  let padding = 0;
  if ((features & INCOMPAT.zeroPadding) !== 0) while (padding < blockSize && input[padding] === 0) padding++;
  const algorithm = type === CLUSTER_TYPE.head ? header.algorithm : header.algorithm2;
  try {
    const bytes = decode(algorithm, input.subarray(padding), length);
    if (bytes.length === length) return bytes;
  } catch (error) {
    // A compressor that is missing is no damage.
    if (error instanceof OcirenderError) throw error;
  }
  throw new FormatError(`inode ${node.id}: a cluster cannot be decompressed to ${length} bytes`, position);
}

/** Gives the bytes, or fewer when the input is damaged. */
function decode(algorithm: number, input: Uint8Array, length: number): Uint8Array {
  switch (algorithm) {
    case ALGORITHM.lz4: {
      const output = new Uint8Array(length);
      return decompressLz4(input, output) ? output : new Uint8Array(0);
    }
    case ALGORITHM.deflate:
      return zlib.inflateRawSync(input, { maxOutputLength: length });
    case ALGORITHM.zstd: {
      const { zstdDecompressSync: inflate } = zlib as unknown as Partial<ZstdLibrary>;
      if (inflate !== undefined) return inflate(input, { maxOutputLength: length });
      throw unsupported('zstd', 'Use Node.js 22.15 or later.');
    }
    default:
      throw unsupported(
        algorithm === ALGORITHM.lzma ? 'lzma' : `compressor ${algorithm}`,
        'Mount the image, or use fsck.erofs --extract.',
      );
  }
}

/** What node:zlib has from Node 22.15 on. */
interface ZstdLibrary {
  zstdDecompressSync(data: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array;
}

function unsupported(what: string, hint: string): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_EROFS_COMPRESSOR',
    `the image is compressed with ${what}, which cannot be read here`,
    { hint },
  );
}
