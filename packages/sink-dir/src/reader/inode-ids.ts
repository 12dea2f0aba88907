/** Inode numbers below this stand for themselves. */
const DIRECT = 2 ** 48;

/** Numbers inodes: the same for the same device and inode number, another for every other. */
export class InodeIds {
  readonly #device: bigint;
  readonly #others = new Map<string, number>();

  /**
   * @param device - of the root, where nearly all inodes are: they need not be remembered
   */
  constructor(device: bigint) {
    this.#device = device;
  }

  /**
   * @param device - st_dev
   * @param inode - st_ino
   * @returns the number
   */
  id(device: bigint, inode: bigint): number {
    const number = Number(inode);
    if (device === this.#device && number < DIRECT) return number;
    const key = `${device}:${inode}`;
    let id = this.#others.get(key);
    if (id === undefined) {
      id = DIRECT + this.#others.size;
      this.#others.set(key, id);
    }
    return id;
  }
}
