import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { readdir, readlink } from 'node:fs/promises';
import type { Worker } from 'node:worker_threads';

/** How long a sink's workers and handles may take to go away, in ms. */
const PATIENCE = 3000;
const WORKERS = 'worker_threads';
const CHILDREN = 'child_process';

/**
 * Sees what a session starts and opens: worker threads and child processes through Node's diagnostics channels,
 * open files through `/proc` (on Linux).
 */
export class ResourceWatch {
  private readonly directory: string;
  private readonly running = new Map<EventEmitter, string>();
  private readonly onWorker = (message: unknown): void => {
    this.follow((message as { worker: Worker }).worker, 'worker thread');
  };
  private readonly onChild = (message: unknown): void => {
    this.follow((message as { process: ChildProcess }).process, 'child process');
  };

  /**
   * @param directory - below which files are watched
   */
  constructor(directory: string) {
    this.directory = directory;
    subscribe(WORKERS, this.onWorker);
    subscribe(CHILDREN, this.onChild);
  }

  /** Stops watching. */
  stop(): void {
    unsubscribe(WORKERS, this.onWorker);
    unsubscribe(CHILDREN, this.onChild);
  }

  /**
   * Waits until the session has let go of everything.
   *
   * @throws {Error} naming what is still open after 3 s
   */
  async assertReleased(): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const left = [...this.running.values(), ...(await openFiles(this.directory))];
      if (left.length === 0) return;
      if (performance.now() > deadline) throw new Error(`the session left open: ${left.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  private follow(started: EventEmitter, what: string): void {
    this.running.set(started, what);
    started.once('exit', () => this.running.delete(started));
  }
}

async function openFiles(directory: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(directory));
}
