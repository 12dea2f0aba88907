import type { ByteString } from '@ocirender/interface';
import { OPEN_DIRECTORY } from './format.ts';
import type { Libc } from './libc.ts';
import { check } from './system-error.ts';

/** Descriptors held open before some are closed; more than all that {@link isKept} keeps down to a depth of 10^6. */
const MAX_OPEN = 96;
/** Of these, the deepest directories. */
const KEEP_DEEPEST = 16;

interface Frame {
  readonly name: ByteString;
  /** -1 while closed. */
  fd: number;
}

/**
 * The directories from the root to the one being worked in. Each is opened relative to its parent without
 * following links, so no path is ever resolved by the kernel, whatever its length and whoever renames things.
 *
 * Of many ancestors some are closed, and opened again when they are needed, downward from the nearest one that
 * is still open (`..` would lead elsewhere if a directory had been moved). Those that stay open are the closer
 * together the nearer they are, so that a walk of depth n costs some n·log(n) openings, and none extra up to depth 96.
 */
export class DirectoryStack {
  readonly #libc: Libc;
  readonly #frames: Frame[];
  /** Indexes of open frames, ascending; the root's is always there. */
  #open: number[] = [0];

  /**
   * @param root - descriptor of the root; stays the caller's
   */
  constructor(libc: Libc, root: number) {
    this.#libc = libc;
    this.#frames = [{ name: '', fd: root }];
  }

  /** Descriptor of the directory being worked in. */
  get fd(): number {
    const top = this.#frames[this.#frames.length - 1]!;
    return top.fd >= 0 ? top.fd : this.#reopen();
  }

  /** Enters a directory. */
  enter(name: ByteString, path: ByteString): void {
    const fd = check(this.#libc.openat(this.fd, name, OPEN_DIRECTORY, 0), 'openat', path);
    this.#open.push(this.#frames.push({ name, fd }) - 1);
    if (this.#open.length > MAX_OPEN) this.#closeSome();
  }

  /** Goes back to the parent. */
  leave(): void {
    const frame = this.#frames.pop()!;
    if (frame.fd < 0) return;
    this.#libc.close(frame.fd);
    this.#open.pop();
  }

  /** Closes everything but the root. */
  close(): void {
    while (this.#frames.length > 1) this.leave();
  }

  #closeSome(): void {
    const top = this.#frames.length - 1;
    for (const index of this.#open) if (!isKept(index, top)) this.#closeFrame(index);
    this.#open = this.#open.filter((index) => isKept(index, top));
  }

  #closeFrame(index: number): void {
    const frame = this.#frames[index]!;
    this.#libc.close(frame.fd);
    frame.fd = -1;
  }

  #reopen(): number {
    const top = this.#frames.length - 1;
    for (let index = this.#open.at(-1)!; index < top; index++) {
      const parent = this.#frames[index]!;
      const frame = this.#frames[index + 1]!;
      frame.fd = check(this.#libc.openat(parent.fd, frame.name, OPEN_DIRECTORY, 0), 'openat', frame.name);
      if (index !== this.#open.at(-1)) this.#closeFrame(index);
      if (isKept(index + 1, top)) this.#open.push(index + 1);
    }
    return this.#frames[top]!.fd;
  }
}

/** Keeps the deepest, and four of each octave of distances from there. */
function isKept(index: number, top: number): boolean {
  const distance = top - index;
  return distance < KEEP_DEEPEST || index % 2 ** (Math.floor(Math.log2(distance)) - 2) === 0;
}
