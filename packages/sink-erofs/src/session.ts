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
import { ErofsWriter } from './writer.ts';

/** The session that writes an image. */
export class ErofsSession implements SinkSession {
  readonly placement = 'any';
  readonly #writer: ErofsWriter;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;

  /**
   * Creates the image file.
   *
   * @param context - options are those of {@link erofsOptions}
   */
  constructor(context: SinkContext) {
    const { output, options, signal } = context;
    throwIfAborted(signal);
    if (output.kind !== 'file') {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `EROFS is written to a file, not to "${output.kind}"`);
    }
    this.#writer = new ErofsWriter(output.path, {
      blockSize: options['block-size'] as number,
      dedupe: options['dedupe'] as boolean,
      compression: options['compression'] as Compression,
      level: options['level'] as number | undefined,
      clusterSize: options['cluster-size'] as number,
      threads: context.threads,
      label: options['label'] as string | undefined,
      uuid: options['uuid'] as string | undefined,
      digest: context.manifestDigest,
      // 0 is what the host says when nobody has asked for a time.
      time: context.sourceDateEpoch === 0 ? undefined : context.sourceDateEpoch,
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
    return { bytesWritten, details: counts };
  }

  async abort(reason: unknown): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#writer.abort(abortedError(reason));
  }
}
