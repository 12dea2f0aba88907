import { hash } from 'node:crypto';
import { NO_XATTRS, type Xattrs } from '@ocirender/interface';
import { heldXattrBytes } from '@ocirender/tar-header';

/** A longer value is known by its digest: the pool holds no second copy of it. */
const LONG_VALUE = 64;

/** Keeps each distinct attribute set once: with security labels every file carries one, and few differ. */
export class XattrPool {
  readonly #sets: Xattrs[] = [NO_XATTRS];
  readonly #indexes = new Map<string, number>();
  #heldBytes = 0;

  /** Memory that the sets take, in bytes, estimated. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * @param xattrs - a set
   * @returns its number; 0 for the empty set
   */
  add(xattrs: Xattrs): number {
    if (xattrs.size === 0) return 0;
    const key = keyOf(xattrs);
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.#sets.push(xattrs) - 1;
      this.#indexes.set(key, index);
      this.#heldBytes += heldXattrBytes(xattrs);
    }
    return index;
  }

  /**
   * @param index - what `add` gave
   * @returns the set
   */
  get(index: number): Xattrs {
    return this.#sets[index]!;
  }
}

function keyOf(xattrs: Xattrs): string {
  let key = '';
  for (const [name, value] of [...xattrs].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    const shown = value.length > LONG_VALUE ? hash('sha256', bytes, 'hex') : bytes.toString('latin1');
    key += `${name}\0${value.length}\0${shown}`;
  }
  return key;
}
