import type { ContentRef } from '@ocirender/interface';
import type { Compactor } from './compact.ts';
import type { BlockExtent, ContentTable } from './content-table.ts';
import { EXTENTS_IN_INODE, MAX_EXTENT_BLOCKS } from './format.ts';

/** Where the contents of the tree's files are, once they stay where they are. */
export class SettledContents {
  readonly #contents: ContentTable;
  readonly #compactor: Compactor;
  readonly #blockSize: number;
  /** Copies, by inode number: two inodes cannot share blocks. */
  readonly #copies = new Map<number, BlockExtent[]>();

  constructor(contents: ContentTable, compactor: Compactor, blockSize: number) {
    this.#contents = contents;
    this.#compactor = compactor;
    this.#blockSize = blockSize;
  }

  /** The block after the last one in use. */
  get end(): number {
    return this.#compactor.end;
  }

  /**
   * Closes the gaps of contents that no inode needs, and copies those that several need.
   *
   * @param inodes - the tree's
   */
  async settle(
    inodes: readonly { readonly number: number; readonly content: ContentRef | undefined }[],
  ): Promise<void> {
    const needed = new Set<ContentRef>();
    for (const { content } of inodes) if (content !== undefined) needed.add(content);
    await this.#compactor.close(needed);
    for (const { number, content } of inodes) {
      if (content === undefined || needed.delete(content)) continue;
      this.#copies.set(number, await this.#compactor.duplicate(content));
    }
  }

  /** Where a file's blocks are. */
  extentsOf(inode: number, content: ContentRef): BlockExtent[] {
    return this.#copies.get(inode) ?? this.#compactor.extentsOf(content);
  }

  /** Whether a file's extents certainly fit into its inode. Cheap. */
  isCompact(content: ContentRef): boolean {
    return (
      this.#contents.sizeOf(content) <= MAX_EXTENT_BLOCKS * this.#blockSize &&
      this.#contents.extentCount(content) <= EXTENTS_IN_INODE &&
      !this.#compactor.hasMoved(content) &&
      this.#copies.size === 0
    );
  }
}
