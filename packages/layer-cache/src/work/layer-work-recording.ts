import { type FileHandle, open, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { WorkRecording } from '@ocirender/overlay';
import type { Description } from '../store/checked-store.ts';
import { workFileEnd } from './work-file.ts';
import { WorkIndexWriter } from './work-index.ts';

/** Where a recording goes. */
export interface RecordingPlace {
  /** Most bytes that it may take: with more, nothing is kept. */
  readonly maxBytes: number;
  /** Whether it is worth keeping without items: it says that no content is wanted. */
  readonly keepEmpty: boolean;
  /** Says what the work is of. */
  readonly description: Description;
  /** Makes the name of a file that does not exist. */
  temporaryPath(): Promise<string>;
  /** Gives the file, which is on the disk, its place. */
  publish(temporary: string, size: number): Promise<void>;
  /** Is told why nothing is kept. */
  failed(error: unknown): void;
}

/** Writes items to a file as they are made. */
export class LayerWorkRecording implements WorkRecording {
  readonly #place: RecordingPlace;
  readonly #index = new WorkIndexWriter();
  #pending: Uint8Array[] = [];
  #file: FileHandle | undefined;
  #path: string | undefined;
  /** Bytes that were written. */
  #position = 0;
  /** Size and CRC-32 of the item that is being made. */
  #size = 0;
  #crc = 0;
  #isOver = false;
  #writing: Promise<void> = Promise.resolve();

  /** @param place - where it goes */
  constructor(place: RecordingPlace) {
    this.#place = place;
  }

  append(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#crc = crc32(bytes, this.#crc);
    this.#size += bytes.length;
    const last = this.#pending.at(-1);
    // What lies side by side is written at one go.
    if (last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset)
      this.#pending[this.#pending.length - 1] = new Uint8Array(
        bytes.buffer,
        last.byteOffset,
        last.length + bytes.length,
      );
    else this.#pending.push(bytes);
  }

  end(members: ArrayLike<number>, words: ArrayLike<number>): void {
    if (this.#isOver) return;
    this.#index.add(this.#size, this.#crc, members, words);
    this.#size = 0;
    this.#crc = 0;
  }

  note(members: ArrayLike<number>, words: ArrayLike<number>): void {
    if (!this.#isOver) this.#index.add(0, 0, members, words);
  }

  settle(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length > 0) this.#writing = this.#writing.then(() => this.#writePending(pending));
    return this.#writing;
  }

  async #writePending(pending: readonly Uint8Array[]): Promise<void> {
    if (this.#isOver) return;
    try {
      this.#file ??= await this.#create();
      await this.#write(this.#file, pending);
      if (this.#position > this.#place.maxBytes) await this.discard();
    } catch (error) {
      this.#place.failed(error);
      await this.discard();
    }
  }

  async commit(): Promise<void> {
    await this.settle();
    if (this.#isOver || (this.#index.count === 0 && !this.#place.keepEmpty)) return this.discard();
    try {
      this.#file ??= await this.#create();
      const description = { ...this.#place.description, dataBytes: this.#position };
      await this.#write(this.#file, workFileEnd(description, this.#index.encode()));
      if (this.#position > this.#place.maxBytes) return await this.discard();
      await this.#file.sync();
      await this.#file.close();
      this.#file = undefined;
      await this.#place.publish(this.#path as string, this.#position);
      this.#isOver = true;
    } catch (error) {
      this.#place.failed(error);
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    const isOver = this.#isOver;
    this.#isOver = true;
    this.#pending = [];
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
    if (!isOver && this.#path !== undefined) await rm(this.#path, { force: true }).catch(() => undefined);
  }

  async #create(): Promise<FileHandle> {
    this.#path = await this.#place.temporaryPath();
    return open(this.#path, 'wx', 0o600);
  }

  async #write(file: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await file.write(piece, done, piece.length - done, this.#position);
        done += bytesWritten;
        this.#position += bytesWritten;
      }
    }
  }
}
