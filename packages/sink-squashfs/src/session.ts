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
import type { Compression } from './compression.ts';
import { SquashfsWriter } from './writer.ts';

/** The session that writes the image in this process. */
export class InProcessSession implements SinkSession {
  readonly placement = 'any';
  readonly #writer: SquashfsWriter;
  readonly #signal: AbortSignal;
  readonly #compression: string;
  readonly #onAbort: () => void;

  /**
   * Creates the image file.
   *
   * @param context - options are those of {@link squashfsOptions}
   */
  constructor(context: SinkContext) {
    const { output, options, signal } = context;
    throwIfAborted(signal);
    if (output.kind !== 'file') {
      throw new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        `squashfs is written to a file, not to "${output.kind}"`,
      );
    }
    this.#compression = options['compression'] as string;
    this.#writer = new SquashfsWriter(output.path, {
      compression: options['compression'] as Compression,
      level: options['level'] as number | undefined,
      blockSize: options['block-size'] as number,
      fragments: options['fragments'] as boolean,
      tailPacking: options['tail-packing'] as boolean,
      dedupe: options['dedupe'] as boolean,
      exports: options['exports'] as boolean,
      threads: context.threads,
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
    const { bytesWritten, ...counts } = await this.#writer.finish(tree);
    this.#signal.removeEventListener('abort', this.#onAbort);
    return { bytesWritten, details: { compression: this.#compression, ...counts } };
  }

  async abort(reason: unknown): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#writer.abort(abortedError(reason));
  }
}
