import { crc32 } from 'node:zlib';
import { type KeptRange, readAt, type WorkItem } from '@ocirender/interface';
import type { KnownWork } from '@ocirender/overlay';
import type { WorkFile } from './work-file.ts';

/** Items of up to so many bytes are read ahead, so many bytes at a time. */
const SMALL = 16 * 1024;
const AHEAD = 256 * 1024;

/** Items of the files of one layer, one after the other. */
export class KnownLayerWork implements KnownWork {
  readonly count: number;
  readonly #files: readonly WorkFile[];
  /** Number of the first item of each file. */
  readonly #firsts: readonly number[];
  readonly #members: Uint8Array;
  readonly #drop: (file: WorkFile, damage: string) => Promise<void>;
  #ahead: Buffer | undefined;
  #aheadFd = -1;
  #aheadAt = 0;
  readonly #damage = new Map<WorkFile, string>();

  /**
   * @param files - open, at least one
   * @param drop - is told of a file that is damaged
   */
  constructor(files: readonly WorkFile[], drop: (file: WorkFile, damage: string) => Promise<void>) {
    this.#files = files;
    this.#drop = drop;
    const firsts: number[] = [];
    let count = 0;
    let last = -1;
    for (const { index } of files) {
      firsts.push(count);
      count += index.count;
      last = Math.max(last, index.lastMember);
    }
    this.count = count;
    this.#firsts = firsts;
    this.#members = new Uint8Array(last + 1);
    for (const { index } of files) for (const member of index.members) this.#members[member] = 1;
  }

  get isDamaged(): boolean {
    return this.#damage.size > 0;
  }

  has(member: number): boolean {
    return this.#members[member] === 1;
  }

  item(index: number): WorkItem {
    const [file, at] = this.#find(index);
    return file.index.item(at);
  }

  read(index: number, into: Uint8Array): void {
    const range = this.range(index);
    if (into.length <= SMALL) this.#readSmall(range, into);
    else if (readAt(range.fd, into, range.position) < into.length) throw this.reject('it ends early', index);
    if (crc32(into) !== range.crc32) throw this.reject('the checksum of its bytes is wrong', index);
  }

  /** Reads a few bytes: those behind them are asked for next, as a rule. */
  #readSmall({ fd, position }: KeptRange, into: Uint8Array): void {
    const isThere =
      fd === this.#aheadFd && position >= this.#aheadAt && position + into.length <= this.#aheadAt + AHEAD;
    if (!isThere) {
      this.#ahead ??= Buffer.allocUnsafeSlow(AHEAD);
      this.#aheadFd = fd;
      this.#aheadAt = position;
      // What a file that was cut does not have is found out by the checksum.
      this.#ahead.fill(0, readAt(fd, this.#ahead, position));
    }
    const from = position - this.#aheadAt;
    into.set(this.#ahead!.subarray(from, from + into.length));
  }

  range(index: number): KeptRange {
    const [{ file, index: items }, at] = this.#find(index);
    return { fd: file.fd, ...items.range(at) };
  }

  reject(reason: string, index?: number): Error {
    const files = index === undefined ? this.#files : [this.#find(index)[0]];
    for (const file of files) this.#damage.set(file, reason);
    return new Error(reason);
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.file.close().catch(() => undefined);
    for (const [file, damage] of this.#damage) await this.#drop(file, damage);
  }

  #find(index: number): readonly [WorkFile, number] {
    let at = this.#firsts.length - 1;
    while ((this.#firsts[at] as number) > index) at--;
    return [this.#files[at] as WorkFile, index - (this.#firsts[at] as number)];
  }
}
