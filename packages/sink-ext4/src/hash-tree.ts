import { crc32c, crc32cOfU32 } from '@ocirender/image-file';
import { type DirectoryEntry, type DirectorySetup, packEntries, writeLeaves } from './directory.ts';
import { ENTRY_TYPE, HASH_HALF_MD4, HASH_TAIL } from './format.ts';
import { hashName } from './half-md4.ts';

/** Offset of the entries (limit, count, first block) in a root and in a node. */
const ROOT_ENTRIES = 32;
const NODE_ENTRIES = 8;

/** A block and the lowest hash in it; odd when the block before ends with names of that hash too. */
interface IndexEntry {
  readonly hash: number;
  readonly block: number;
}

/**
 * Encodes a directory with a hash tree: the root, inner nodes if one level is not enough, then blocks of entries
 * in the order of their hashes (`directory.rst`, "Hash Tree Directories").
 *
 * @returns the blocks; undefined when two levels are not enough
 */
export function encodeHashTree(
  entries: readonly DirectoryEntry[],
  setup: DirectorySetup,
): Buffer | undefined {
  const { blockSize } = setup;
  const rootLimit = (blockSize - ROOT_ENTRIES - HASH_TAIL) / 8;
  const nodeLimit = (blockSize - NODE_ENTRIES - HASH_TAIL) / 8;
  const hashed = entries.map((entry) => ({ ...entry, ...hashName(entry.name, setup.hashSeed) }));
  hashed.sort((a, b) => a.major - b.major || a.minor - b.minor);
  const ends = packEntries(hashed, blockSize);
  const nodes = ends.length <= rootLimit ? 0 : Math.ceil(ends.length / nodeLimit);
  if (nodes > rootLimit) return undefined;

  const bytes = Buffer.alloc((1 + nodes + ends.length) * blockSize);
  writeLeaves(bytes.subarray((1 + nodes) * blockSize), hashed, ends, setup);
  const leaves = ends.map((_, i): IndexEntry => {
    const first = i === 0 ? 0 : (ends[i - 1] as number);
    const hash = hashed[first]?.major ?? 0;
    return { hash: hashed[first - 1]?.major === hash ? hash + 1 : hash, block: 1 + nodes + i };
  });
  const top: IndexEntry[] = nodes === 0 ? leaves : [];
  for (let node = 0; node < nodes; node++) {
    const below = leaves.slice(node * nodeLimit, (node + 1) * nodeLimit);
    const block = bytes.subarray((1 + node) * blockSize, (2 + node) * blockSize);
    // What an old kernel takes for one empty entry.
    block.writeUInt16LE(blockSize, 4);
    writeIndex(block, NODE_ENTRIES, nodeLimit, below, setup.checksum);
    top.push({ hash: (below[0] as IndexEntry).hash, block: 1 + node });
  }
  writeRoot(bytes.subarray(0, blockSize), setup, nodes === 0 ? 0 : 1);
  writeIndex(bytes.subarray(0, blockSize), ROOT_ENTRIES, rootLimit, top, setup.checksum);
  return bytes;
}

/** `.` and `..`, which covers the rest of the block, and what kind of tree it is. */
function writeRoot(block: Buffer, { self, parent, blockSize }: DirectorySetup, levels: number): void {
  block.writeUInt32LE(self, 0);
  block.writeUInt16LE(12, 4);
  block[6] = 1;
  block[7] = ENTRY_TYPE.directory;
  block.write('.', 8, 'latin1');
  block.writeUInt32LE(parent, 12);
  block.writeUInt16LE(blockSize - 12, 16);
  block[18] = 2;
  block[19] = ENTRY_TYPE.directory;
  block.write('..', 20, 'latin1');
  block[28] = HASH_HALF_MD4;
  block[29] = 8;
  block[30] = levels;
}

/** The first entry's hash is where limit and count are: it stands for all hashes below the second's. */
function writeIndex(
  block: Buffer,
  offset: number,
  limit: number,
  entries: readonly IndexEntry[],
  checksum: number,
): void {
  for (const [i, entry] of entries.entries()) {
    block.writeUInt32LE(entry.hash, offset + 8 * i);
    block.writeUInt32LE(entry.block, offset + 8 * i + 4);
  }
  block.writeUInt16LE(limit, offset);
  block.writeUInt16LE(entries.length, offset + 2);
  // The checksum's own 8 bytes count as zeros.
  const crc = crc32c(checksum, block, 0, offset + 8 * entries.length);
  block.writeUInt32LE(crc32cOfU32(crc32cOfU32(crc, 0), 0), offset + 8 * limit + 4);
}
