import { FormatError } from '@ocirender/interface';
import {
  ADVISE,
  CLUSTER_BLOCKS,
  CLUSTER_ENTRY,
  CLUSTER_ENTRY_SIZE,
  CLUSTER_TYPE,
  FULL_INDEX_GAP,
  LAYOUT,
  MAP_HEADER,
  MAP_HEADER_SIZE,
} from '../format.ts';
import type { ImageFile } from './image-file.ts';
import type { ErofsNode } from './inode.ts';

/** Flags that this reader understands; the others change what the entries mean. */
const KNOWN_ADVISE: number = ADVISE.compacted2 | ADVISE.bigCluster1 | ADVISE.bigCluster2;
/** Entries of full indexes, and packs of compact ones, that are read at a time. */
const AT_A_TIME = 256;

/** What the header of an index says. */
export interface ClusterHeader {
  /** Flags of `ADVISE`. */
  readonly advise: number;
  /** Number of the compressor of ordinary beginnings. */
  readonly algorithm: number;
  /** Number of the compressor of beginnings of the second kind. */
  readonly algorithm2: number;
  /** Where the entries are, or would be if they were compact, in bytes. */
  readonly start: number;
}

/** One entry of an index. */
export interface ClusterEntry {
  /** One of `CLUSTER_TYPE`. */
  readonly type: number;
  /** Of a beginning: where it is within its block of the file, in bytes. */
  readonly offset: number;
  /** Of a beginning: its first block in the image. */
  readonly address: number;
  /** Of the first entry that goes on: number of blocks in the image, if it is told. */
  readonly blocks: number | undefined;
}

/**
 * Reads the header of the index of a compressed inode.
 *
 * @param file - the image
 * @param node - of one of the compressed layouts
 * @throws {FormatError} when it is damaged, or of a kind that this reader does not know
 */
export async function readClusterHeader(file: ImageFile, node: ErofsNode): Promise<ClusterHeader> {
  const position = Math.ceil(node.beside / 8) * 8;
  const bytes = await file.metadata(position, MAP_HEADER_SIZE, `inode ${node.id}: its index`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const clusterBits = view.getUint8(MAP_HEADER.clusterBits);
  const advise = view.getUint16(MAP_HEADER.advise, true);
  const unknown = [
    [clusterBits >= 0x80 || (advise & ADVISE.fragment) !== 0, 'fragments'],
    [(advise & ADVISE.inlineCluster) !== 0, 'compressed tails beside inodes'],
    [(advise & ADVISE.interlaced) !== 0, 'interlaced clusters'],
    [(advise & ~KNOWN_ADVISE) !== 0, `an index with flags 0x${advise.toString(16)}`],
    [clusterBits !== 0, 'logical clusters that are larger than blocks'],
  ].find(([is]) => is === true);
  if (unknown !== undefined)
    throw new FormatError(
      `inode ${node.id} has ${String(unknown[1])}, which this reader does not know`,
      position,
    );
  const algorithms = view.getUint8(MAP_HEADER.algorithms);
  return {
    advise,
    algorithm: algorithms & 15,
    algorithm2: algorithms >> 4,
    start: position + MAP_HEADER_SIZE,
  };
}

/**
 * Reads the entries of an index, one for each block of the file.
 *
 * @param file - the image
 * @param node - whose index
 * @param header - of the index
 * @param count - how many
 */
export function readClusterEntries(
  file: ImageFile,
  node: ErofsNode,
  header: ClusterHeader,
  count: number,
): AsyncGenerator<ClusterEntry> {
  if (node.layout === LAYOUT.compressedFull) return fullEntries(file, node, header, count);
  return compactEntries(file, node, header, count);
}

async function* fullEntries(
  file: ImageFile,
  node: ErofsNode,
  { start }: ClusterHeader,
  count: number,
): AsyncGenerator<ClusterEntry> {
  const first = start + FULL_INDEX_GAP;
  file.check(first, count * CLUSTER_ENTRY_SIZE, `inode ${node.id}: its index`);
  for (let done = 0; done < count; done += AT_A_TIME) {
    const size = Math.min(AT_A_TIME, count - done) * CLUSTER_ENTRY_SIZE;
    const bytes = await file.metadata(first + done * CLUSTER_ENTRY_SIZE, size, `inode ${node.id}: its index`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < size; at += CLUSTER_ENTRY_SIZE) {
      const type = view.getUint16(at + CLUSTER_ENTRY.advise, true) & 3;
      const delta = view.getUint16(at + CLUSTER_ENTRY.delta0, true);
      const told = type === CLUSTER_TYPE.nonHead && (delta & CLUSTER_BLOCKS) !== 0;
      yield {
        type,
        offset: view.getUint16(at + CLUSTER_ENTRY.offset, true),
        address: view.getUint32(at + CLUSTER_ENTRY.address, true),
        blocks: told ? delta & ~CLUSTER_BLOCKS : undefined,
      };
    }
  }
}

/** Compact entries come in packs: of 2 in 8 bytes, or of 16 in 32 bytes at multiples of 32. */
async function* compactEntries(
  file: ImageFile,
  node: ErofsNode,
  { start, advise }: ClusterHeader,
  count: number,
): AsyncGenerator<ClusterEntry> {
  const before = ((32 - (start % 32)) % 32) / 4;
  const dense =
    (advise & ADVISE.compacted2) !== 0 && before < count ? 16 * Math.floor((count - before) / 16) : 0;
  const parts = [
    { entries: Math.min(before, count), pack: 2 },
    { entries: dense, pack: 16 },
    { entries: Math.max(0, count - before - dense), pack: 2 },
  ];
  const isBig = (advise & ADVISE.bigCluster1) !== 0;
  let position = start;
  for (const { entries, pack } of parts) {
    const size = pack === 2 ? 8 : 32;
    const packs = Math.ceil(entries / pack);
    file.check(position, packs * size, `inode ${node.id}: its index`);
    let left = entries;
    for (let done = 0; done < packs; done += AT_A_TIME) {
      const some = Math.min(AT_A_TIME, packs - done);
      const bytes = await file.metadata(position + done * size, some * size, `inode ${node.id}: its index`);
      for (let at = 0; at < bytes.length; at += size) {
        const all = unpack(bytes.subarray(at, at + size), pack, isBig);
        yield* all.slice(0, left);
        left -= all.length;
      }
    }
    position += packs * size;
  }
}

/** The address at a pack's end is that of its first beginning: the others follow, each behind the blocks before it. */
function unpack(bytes: Uint8Array, count: number, isBig: boolean): ClusterEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bits = count === 2 ? 16 : 14;
  const values = Array.from({ length: count }, (_, i) => {
    const bit = i * bits;
    return (view.getUint32(bit >> 3, true) >>> (bit & 7)) & 0x3fff;
  });
  const base = view.getUint32(bytes.length - 4, true);
  let blocks = isBig ? 0 : 1;
  return values.map((value, i) => {
    const type = (value >> 12) & 3;
    const low = value & 0xfff;
    const told = isBig && (low & CLUSTER_BLOCKS) !== 0 ? low & ~CLUSTER_BLOCKS : undefined;
    if (type === CLUSTER_TYPE.nonHead) {
      if (i === 0 && told !== undefined) blocks += told;
      return { type, offset: 0, address: 0, blocks: told };
    }
    const address = base + blocks;
    const next = values[i + 1] ?? 0;
    const nextTells = isBig && next >> 12 === CLUSTER_TYPE.nonHead && (next & CLUSTER_BLOCKS) !== 0;
    blocks += nextTells ? next & 0x7ff : 1;
    return { type, offset: low, address, blocks: undefined };
  });
}
