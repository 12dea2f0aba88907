import type { ByteString, ContentRef, FileInode, Metadata } from '@ocirender/interface';

/** FNV-1a, 32 bits. */
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * The contents that are in a tar already. There can be millions, so it keeps their names and of the rest only as much
 * as tells whether the tree agrees: an entry costs its name and 24 bytes.
 */
export class PlacedContents {
  readonly #paths: ByteString[] = [];
  readonly #sizes: number[] = [];
  readonly #marks: number[] = [];

  /** Number of contents. */
  get length(): number {
    return this.#paths.length;
  }

  /**
   * Adds a content.
   *
   * @param path - its path in the tar
   * @param metadata - what its header says
   * @param size - apparent bytes
   * @returns its number
   */
  add(path: ByteString, metadata: Metadata, size: number): ContentRef {
    this.#sizes.push(size);
    this.#marks.push(markOf(metadata));
    return this.#paths.push(path) - 1;
  }

  /**
   * @param ref - what `add` gave
   * @returns its path; undefined for a number that was never given
   */
  path(ref: ContentRef): ByteString | undefined {
    return this.#paths[ref];
  }

  /**
   * Tells whether an inode is what was written.
   *
   * @param ref - what `add` gave
   * @param inode - the inode that has this content
   * @returns false when size or metadata differ
   */
  agrees(ref: ContentRef, inode: FileInode): boolean {
    return this.#sizes[ref] === inode.size && this.#marks[ref] === markOf(inode);
  }
}

function markOf({ mode, uid, gid, mtime, mtimeNs, xattrs }: Metadata): number {
  let hash = mix(mix(mix(OFFSET_BASIS, mode), uid), gid);
  hash = mix(mix(mix(hash, mtime), Math.floor(mtime / 2 ** 32)), mtimeNs);
  // Attributes have no order: their marks are added up.
  for (const [name, value] of xattrs) {
    let sum = OFFSET_BASIS;
    for (let i = 0; i < name.length; i++) sum = Math.imul(sum ^ name.charCodeAt(i), PRIME);
    for (const byte of value) sum = Math.imul(sum ^ byte, PRIME);
    hash = (hash + sum) | 0;
  }
  return hash;
}

function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, PRIME);
  // Multiplication carries upward only.
  return product ^ (product >>> 15);
}
