import type { DigestBatch } from '../image/compared-image.ts';
import { DIGEST_BYTES } from '../image/digest-files.ts';

/** Digests of one image's files by number: 32 bytes each. */
export class DigestTable {
  readonly #places = new Map<number, number>();
  readonly #digests: Uint8Array[] = [];

  /** Takes a batch. */
  add({ ids, digests }: DigestBatch): void {
    const batch = this.#digests.push(digests) - 1;
    for (const [index, id] of ids.entries()) this.#places.set(id, batch * 2 ** 32 + index);
  }

  /** The digest of a file; undefined when it has none. */
  get(id: number): Uint8Array | undefined {
    const place = this.#places.get(id);
    if (place === undefined) return undefined;
    const index = place % 2 ** 32;
    return this.#digests[Math.floor(place / 2 ** 32)]!.subarray(
      index * DIGEST_BYTES,
      (index + 1) * DIGEST_BYTES,
    );
  }
}
