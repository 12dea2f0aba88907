import { OcirenderError } from '@ocirender/interface';
import { MAX_IDS } from './format.ts';

/** Owners and groups: inodes hold 16-bit indexes into it (format.adoc, "ID Table"). */
export class IdTable {
  readonly #indexes = new Map<number, number>();

  /** Number of distinct ids. */
  get count(): number {
    return this.#indexes.size;
  }

  /**
   * Gives an id's index.
   *
   * @param id - uid or gid, 0 to 2^32 - 1
   * @returns 0 to 65534
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_SQUASHFS_TOO_MANY_IDS`
   */
  indexOf(id: number): number {
    const known = this.#indexes.get(id);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    if (index === MAX_IDS) {
      throw new OcirenderError(
        'ERR_OCIRENDER_SINK_SQUASHFS_TOO_MANY_IDS',
        `the image has more than ${MAX_IDS} distinct owner and group ids, which squashfs cannot hold`,
        { hint: 'Choose another output format.' },
      );
    }
    this.#indexes.set(id, index);
    return index;
  }

  /** Encodes the entries: 4 bytes each. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(4 * this.count);
    const view = new DataView(bytes.buffer);
    for (const [id, index] of this.#indexes) view.setUint32(4 * index, id, true);
    return bytes;
  }
}
