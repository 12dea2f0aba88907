import { FormatError } from '@ocirender/interface';
import type { MetadataBlock, Usage } from './metadata-reader.ts';

/**
 * Sees to it that directories are a tree and their listings lie apart, so that a walk ends: it visits no more
 * names than the directory table has room for. Takes memory for each directory that was listed.
 */
export class ListingGuard {
  readonly #root: number;
  /** Directory that was found in which one, by reference. */
  readonly #parents = new Map<number, number>();
  readonly #listed = new Set<number>();
  /** Bytes of each block of the directory table that belong to a listing. */
  readonly #used = new Map<number, number>();

  /**
   * @param root - reference of the root directory
   */
  constructor(root: number) {
    this.#root = root;
  }

  /**
   * Notes that a directory is listed.
   *
   * @param directory - its reference
   * @returns what to tell of the bytes that its listing takes; undefined when it was listed before
   */
  list(directory: number): Usage | undefined {
    if (this.#listed.has(directory)) return undefined;
    this.#listed.add(directory);
    return (block, length) => this.#use(block, length);
  }

  /**
   * Notes where a directory was found.
   *
   * @param child - reference of the directory
   * @param parent - reference of the one that lists it
   * @param position - of the listing, for the message
   * @throws {FormatError} when another one lists it too, or it is the root
   */
  claim(child: number, parent: number, position: number): void {
    const known = this.#parents.get(child);
    if (child !== this.#root && (known === undefined || known === parent)) {
      this.#parents.set(child, parent);
      return;
    }
    throw new FormatError('a directory is within itself or within two others', position, {
      hint: 'The image is damaged or was made to do harm.',
    });
  }

  #use(block: MetadataBlock, length: number): void {
    const used = (this.#used.get(block.position) ?? 0) + length;
    if (used > block.data.length)
      throw new FormatError('the listings of two directories overlap', block.position);
    this.#used.set(block.position, used);
  }
}
