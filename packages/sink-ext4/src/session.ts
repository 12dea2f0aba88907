import {
  abortedError,
  type Content,
  type ContentInfo,
  type ContentRef,
  OcirenderError,
  type SinkContext,
  type SinkReport,
  type SinkSession,
  type Tree,
  throwIfAborted,
} from '@ocirender/interface';
import { writerOptions } from './options.ts';
import { Ext4Writer } from './writer.ts';

/** The session of the sink. */
export class Ext4Session implements SinkSession {
  readonly placement = 'any';
  readonly #writer: Ext4Writer;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;

  /**
   * Creates the file.
   *
   * @param context - options are those of {@link ext4Options}
   */
  constructor(context: SinkContext) {
    const { output, options, signal } = context;
    throwIfAborted(signal);
    if (output.kind !== 'file') {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `ext4 is written to a file, not to "${output.kind}"`);
    }
    this.#writer = new Ext4Writer(output.path, {
      ...writerOptions(options),
      seed: context.manifestDigest,
      time: context.sourceDateEpoch,
      diagnose: context.diagnose,
    });
    this.#signal = signal;
    this.#onAbort = () => this.#writer.fail(abortedError(signal.reason));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    return this.#writer.write(content, info);
  }

  async finish(tree: Tree): Promise<SinkReport> {
    throwIfAborted(this.#signal);
    const { bytesWritten, ...details } = await this.#writer.finish(tree);
    this.#signal.removeEventListener('abort', this.#onAbort);
    return { bytesWritten, details: { ...details } };
  }

  async abort(reason: unknown): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#writer.abort(abortedError(reason));
  }
}
