import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { InputCommand, InputNews } from './messages.ts';

/** One input thread, seen from the main thread: gets commands, posts news to whoever has it. */
export class InputThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #exited: Promise<void>;
  #listener: (news: InputNews) => void = ignore;
  #onFailure: (error: Error) => void = ignore;
  #failure: Error | undefined;

  /**
   * Starts the thread.
   *
   * @param program - of input-worker.ts
   * @param name - shown by tools that list threads
   */
  constructor(program: URL, name: string) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(program, {
      workerData: { port: port2 },
      transferList: [port2],
      execArgv: [],
      stdin: false,
      name,
    });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    port1.on('message', (news: InputNews) => this.#listener(news));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the thread ended with code ${code}`)));
  }

  /**
   * Takes the thread for a job.
   *
   * @param listener - gets its news
   * @param onFailure - hears when it ends before its time
   */
  take(listener: (news: InputNews) => void, onFailure: (error: Error) => void): void {
    this.#listener = listener;
    this.#onFailure = onFailure;
    if (this.#failure !== undefined) onFailure(this.#failure);
  }

  /** Whether it has not ended before its time. */
  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  post(command: InputCommand): void {
    this.#port.postMessage(command);
  }

  /** Hands over the news that are there without waiting for the event loop; false when there are none. */
  receive(): boolean {
    const message = receiveMessageOnPort(this.#port) as { message: InputNews } | undefined;
    if (message === undefined) return false;
    this.#listener(message.message);
    return true;
  }

  /** Ends the thread; no job may be under way. */
  async end(): Promise<void> {
    this.#onFailure = ignore;
    this.post({ type: 'exit' });
    await this.#exited;
    this.#port.close();
  }

  #fail(cause: unknown): void {
    this.#failure ??= new Error(`an input thread failed: ${(cause as Error).message}`, { cause });
    this.#onFailure(this.#failure);
  }
}

function ignore(): void {}
