import type { ByteString } from '@ocirender/interface';
import { OPEN_DIRECTORY } from './format.ts';
import type { Libc } from './libc.ts';
import { check } from './system-error.ts';

/** Descriptors held open at most, whatever the depth of the tree. */
const MAX_OPEN = 64;
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
 * Ancestors beyond a fixed number are closed and opened again when they are needed, downward from the
 * nearest ancestor that is still open (`..` would lead elsewhere if a directory had been moved). Those are spaced
 * evenly, so that a walk of depth n costs some n·n/1000 openings at worst, and none extra up to depth 64.
 */
export class DirectoryStack {
  readonly #libc: Libc;
  readonly #frames: Frame[];
  /** Indexes of open frames, ascending; the root's is always there. */
  #open: number[] = [0];
  #spacing = 1;

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
    const deepest = this.#frames.length - KEEP_DEEPEST;
    const kept = (index: number): boolean => index >= deepest || index % this.#spacing === 0;
    while (this.#open.filter(kept).length > MAX_OPEN - KEEP_DEEPEST) this.#spacing *= 2;
    for (const index of this.#open) if (!kept(index)) this.#closeFrame(index);
    this.#open = this.#open.filter(kept);
  }

  #closeFrame(index: number): void {
    const frame = this.#frames[index]!;
    this.#libc.close(frame.fd);
    frame.fd = -1;
  }

  #reopen(): number {
    const top = this.#frames.length - 1;
    let index = this.#open[this.#open.length - 1]!;
    while (index < top) {
      const parent = this.#frames[index]!;
      const frame = this.#frames[index + 1]!;
      frame.fd = check(this.#libc.openat(parent.fd, frame.name, OPEN_DIRECTORY, 0), 'openat', frame.name);
      // Only the last few are wanted; what was opened on the way is closed as soon as it has served.
      if (index <= top - KEEP_DEEPEST && index !== this.#open[this.#open.length - 1]) this.#closeFrame(index);
      index++;
      if (index > top - KEEP_DEEPEST) this.#open.push(index);
    }
    return this.#frames[top]!.fd;
  }
}
