import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { OcirenderError } from '@ocirender/interface';

/** So much of what the program says last is kept for messages, in characters. */
const KEPT_OUTPUT = 4096;

/** A running mksquashfs that reads a tar from us. It never outlives this process, nor {@link kill}. */
export class Mksquashfs {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  readonly #ended: Promise<number | string>;
  readonly #killAtExit = (): void => {
    this.#child.kill('SIGKILL');
  };
  #said = '';
  #failure: Error | undefined;

  /**
   * Starts the program.
   *
   * @param program - a path, or a name to be found in `PATH`
   * @param version - for messages
   * @param args - its arguments
   */
  constructor(program: string, version: string, args: readonly string[]) {
    this.#name = `${program} ${version}`;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#stdin = this.#child.stdin!;
    // Both are read to the end: a full pipe would stop the program.
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-KEPT_OUTPUT);
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#failure ??= error;
        resolve('error');
      });
      this.#child.once('close', (code, signal) => resolve(code ?? signal ?? 'error'));
    });
    // That the program closed its end is told by its exit status, with what it said.
    this.#stdin.on('error', (error) => {
      this.#failure ??= error;
    });
    process.once('exit', this.#killAtExit);
  }

  /**
   * Passes bytes on; settles when the program has room for more.
   *
   * @param bytes - the next piece of the tar
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS` when the program has ended
   */
  async feed(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined || this.#child.exitCode !== null) throw this.#failed(await this.#ended);
    const error = await new Promise<Error | null | undefined>((resolve) => {
      this.#stdin.write(bytes, resolve);
    });
    if (error != null) throw this.#failed(await this.#ended);
  }

  /**
   * Ends the tar and waits for the program.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS` when it fails
   */
  async end(): Promise<void> {
    this.#stdin.end();
    const status = await this.#ended;
    process.off('exit', this.#killAtExit);
    if (status !== 0) throw this.#failed(status);
  }

  /** Ends the program at once and waits until it is gone. Never throws. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    this.#stdin.destroy();
    await this.#ended;
    process.off('exit', this.#killAtExit);
  }

  #failed(status: number | string): OcirenderError {
    const said = this.#said.trim().split('\n').slice(-5).join('; ');
    const how = typeof status === 'number' ? `exit status ${status}` : `ended by ${status}`;
    return new OcirenderError(
      'ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS',
      `${this.#name} failed (${how})${said === '' ? '' : `: ${said}`}`,
      {
        hint: 'The in-process engine, which is the default, needs no external program.',
        ...(this.#failure === undefined ? {} : { cause: this.#failure }),
      },
    );
  }
}
