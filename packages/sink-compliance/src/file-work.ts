import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { KeptRange, KeptWork, WorkItem, WorkRecorder } from '@ocirender/interface';

interface RecordedItem extends WorkItem {
  readonly bytes: Buffer;
}

/** Records what a session makes of the contents of one layer, in memory. */
export class WorkMemory implements WorkRecorder {
  readonly items: RecordedItem[] = [];
  #pending: Uint8Array[] = [];

  append(bytes: Uint8Array): void {
    this.#pending.push(bytes);
  }

  end(members: ArrayLike<number>, words: ArrayLike<number>): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#add(members, words, bytes);
  }

  note(members: ArrayLike<number>, words: ArrayLike<number>): void {
    this.#add(members, words, Buffer.alloc(0));
  }

  async settle(): Promise<void> {
    // Whoever keeps views reads late.
    await new Promise((resolve) => setImmediate(resolve));
    this.#pending = this.#pending.map((bytes) => Uint8Array.from(bytes));
  }

  #add(members: ArrayLike<number>, words: ArrayLike<number>, bytes: Buffer): void {
    this.items.push({
      members: Uint32Array.from(members),
      words: Uint32Array.from(words),
      size: bytes.length,
      bytes,
    });
  }
}

/** Gives items that were recorded, from a file. */
export class FileWork implements KeptWork {
  readonly #items: readonly RecordedItem[];
  readonly #positions: number[] = [];
  readonly #fd: number;
  readonly #members = new Set<number>();
  /** Why a session does not want them. */
  rejection: Error | undefined;

  /**
   * @param items - as they were recorded
   * @param path - of the file
   */
  constructor(items: readonly RecordedItem[], path: string) {
    this.#items = items;
    writeFileSync(path, Buffer.concat(items.map(({ bytes }) => bytes)));
    this.#fd = openSync(path, 'r');
    let position = 0;
    for (const { members, size } of items) {
      this.#positions.push(position);
      position += size;
      for (const member of members) this.#members.add(member);
    }
  }

  get count(): number {
    return this.#items.length;
  }

  has(member: number): boolean {
    return this.#members.has(member);
  }

  item(index: number): WorkItem {
    const { members, words, size } = this.#items[index]!;
    return { members, words, size };
  }

  read(index: number, into: Uint8Array): void {
    const { fd, position, crc32: sum } = this.range(index);
    readSync(fd, into, 0, into.length, position);
    if (crc32(into) !== sum) throw this.reject('the checksum is wrong');
  }

  range(index: number): KeptRange {
    const { size, bytes } = this.#items[index]!;
    return { fd: this.#fd, position: this.#positions[index]!, size, crc32: crc32(bytes) };
  }

  reject(reason: string): Error {
    this.rejection ??= new Error(reason);
    return this.rejection;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
