import { type FileHandle, open } from 'node:fs/promises';

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 100;
/** Bytes that a file grows by before they are worth bringing to the disk. */
const STEP = 32 * 1024 * 1024;

/**
 * Brings a file to the disk while it is being written, so that little is left to wait for when it is complete.
 */
export class WriteBehind {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #handle: FileHandle | undefined;
  #synced = 0;
  #running: Promise<void> | undefined;
  #error: unknown;

  /** @param path - of a file that may not exist yet */
  constructor(path: string) {
    this.#path = path;
    this.#timer = setInterval(() => this.#look(), INTERVAL).unref();
  }

  /**
   * Stops, and waits for what is under way.
   *
   * @throws system errors: the kernel tells of a failed write once, perhaps here
   */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#handle?.close();
    this.#handle = undefined;
    if (this.#error !== undefined) throw this.#error;
  }

  #look(): void {
    if (this.#running !== undefined || this.#error !== undefined) return;
    this.#running = this.#sync()
      .catch((error: unknown) => {
        this.#error = error;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #sync(): Promise<void> {
    this.#handle ??= await openExisting(this.#path);
    if (this.#handle === undefined) return;
    const { size } = await this.#handle.stat();
    if (size - this.#synced < STEP) return;
    this.#synced = size;
    await this.#handle.datasync();
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
