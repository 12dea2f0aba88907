import { crc32c } from '@ocirender/image-file';
import type { ByteString } from '@ocirender/interface';
import { DIRECTORY_TAIL, DIRECTORY_TAIL_TYPE, ENTRY_TYPE } from './format.ts';
import { encodeHashTree } from './hash-tree.ts';

/** One name of a directory. */
export interface DirectoryEntry {
  readonly name: ByteString;
  /** Number of its inode. */
  readonly inode: number;
  /** One of {@link ENTRY_TYPE}. */
  readonly type: number;
}

/** What the blocks of a directory depend on besides its names. */
export interface DirectorySetup {
  readonly self: number;
  readonly parent: number;
  readonly blockSize: number;
  /** Where the checksums of its blocks begin. */
  readonly checksum: number;
  /** The superblock's four numbers. */
  readonly hashSeed: Uint32Array;
}

/** A directory's blocks, checksums and all. */
export interface DirectoryBlocks {
  /** Whole blocks; the scratch buffer, where one block does. */
  readonly bytes: Buffer;
  /** Bytes in use: zeros follow up to the tail of the (last) block. */
  readonly used: number;
  /** Whether it has a hash tree. */
  readonly indexed: boolean;
}

/** Bytes that an entry takes. */
export function entrySize(name: ByteString): number {
  return (8 + name.length + 3) & ~3;
}

/**
 * Encodes a directory: a list when it fits into one block, else a hash tree; a list too when it is too large for
 * a tree of two levels.
 *
 * @param entries - its names, without `.` and `..`, in bytewise order
 * @param setup - see {@link DirectorySetup}
 * @param scratch - memory of one block, which takes a directory that fits into one
 */
export function encodeDirectory(
  entries: readonly DirectoryEntry[],
  setup: DirectorySetup,
  scratch: Buffer,
): DirectoryBlocks {
  const { blockSize, self, parent } = setup;
  const dots = [
    { name: '.', inode: self, type: ENTRY_TYPE.directory },
    { name: '..', inode: parent, type: ENTRY_TYPE.directory },
  ];
  let size = entrySize('.') + entrySize('..');
  for (const { name } of entries) size += entrySize(name);
  if (size > blockSize - DIRECTORY_TAIL) {
    const tree = encodeHashTree(entries, setup);
    if (tree !== undefined) return { bytes: tree, used: tree.length, indexed: true };
  }
  const all = [...dots, ...entries];
  const ends = packEntries(all, blockSize);
  const isSmall = ends.length === 1;
  const bytes = isSmall ? scratch.fill(0) : Buffer.alloc(ends.length * blockSize);
  writeLeaves(bytes, all, ends, setup);
  return { bytes, used: isSmall ? size : bytes.length, indexed: false };
}

/**
 * Shares entries out to blocks.
 *
 * @param entries - in the order in which they are stored
 * @param blockSize - bytes
 * @returns for each block, the index after its last entry
 */
export function packEntries(entries: readonly DirectoryEntry[], blockSize: number): number[] {
  const ends: number[] = [];
  let used = 0;
  for (let i = 0; i < entries.length; i++) {
    const size = entrySize((entries[i] as DirectoryEntry).name);
    if (used + size > blockSize - DIRECTORY_TAIL) {
      ends.push(i);
      used = 0;
    }
    used += size;
  }
  ends.push(entries.length);
  return ends;
}

/**
 * Writes blocks of entries with their checksums.
 *
 * @param bytes - zeros, one block for each of `ends`
 * @param entries - the entries
 * @param ends - from {@link packEntries}
 */
export function writeLeaves(
  bytes: Buffer,
  entries: readonly DirectoryEntry[],
  ends: readonly number[],
  { blockSize, checksum }: Pick<DirectorySetup, 'blockSize' | 'checksum'>,
): void {
  let index = 0;
  for (const [block, end] of ends.entries()) {
    const start = block * blockSize;
    const tail = start + blockSize - DIRECTORY_TAIL;
    let at = start;
    for (; index < end; index++) {
      const { name, inode, type } = entries[index] as DirectoryEntry;
      // The last entry takes what is left.
      const size = index === end - 1 ? tail - at : entrySize(name);
      bytes.writeUInt32LE(inode, at);
      bytes.writeUInt16LE(size, at + 4);
      bytes[at + 6] = name.length;
      bytes[at + 7] = type;
      bytes.write(name, at + 8, 'latin1');
      at += size;
    }
    bytes.writeUInt16LE(DIRECTORY_TAIL, tail + 4);
    bytes[tail + 7] = DIRECTORY_TAIL_TYPE;
    bytes.writeUInt32LE(crc32c(checksum, bytes, start, tail), tail + 8);
  }
}
