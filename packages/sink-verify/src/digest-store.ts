import type { ContentRef } from '@ocirender/interface';
import { DIGEST_BYTES } from './image/digest-files.ts';

/** SHA-256 digests by number: 32 bytes each. */
export class DigestStore {
  #bytes = Buffer.alloc(1024 * DIGEST_BYTES);
  #count = 0;

  /** Keeps a digest and gives it a number. */
  add(digest: Uint8Array): ContentRef {
    const at = this.#count * DIGEST_BYTES;
    if (at === this.#bytes.length) {
      const grown = Buffer.alloc(2 * at);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(digest, at);
    return this.#count++;
  }

  /** A digest in hexadecimal. */
  hex(ref: ContentRef): string {
    return this.#bytes.toString('hex', ref * DIGEST_BYTES, (ref + 1) * DIGEST_BYTES);
  }
}
