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

/** What writes an image to a file: contents as they come, then the tree. */
export interface ImageWriter<Summary> {
  /** See `SinkSession.work`. */
  readonly work?: string | undefined;
  /** Stores one file's contents; see `SinkSession.write`. */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef>;
  /** Writes the tree and completes the file. */
  finish(tree: Tree): Promise<Summary>;
  /** Makes a pending or later call throw `reason`. */
  fail(reason: unknown): void;
  /** Stops and closes the file, which the host removes. Never throws. */
  abort(reason: unknown): Promise<void>;
}

/** What differs between formats. */
export interface ImageSessionSetup<Summary> {
  /** The format's name, for messages. */
  readonly format: string;
  /** Creates the file. Not called when the run is aborted already, or the output is no file. */
  readonly open: (path: string) => ImageWriter<Summary>;
  /** Turns what the writer says at the end into the sink's report. */
  readonly report: (summary: Summary) => SinkReport;
}

/** The session of a sink that writes one file by position, in any order: heeds the host's signal. */
export class ImageSession<Summary> implements SinkSession {
  readonly placement = 'any';
  readonly #writer: ImageWriter<Summary>;
  readonly #report: (summary: Summary) => SinkReport;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;

  /**
   * Creates the file.
   *
   * @param context - what the host passes to `Sink.open`
   * @param setup - see {@link ImageSessionSetup}
   * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED`, `ERR_OCIRENDER_USAGE` when the output is no file, or what `open` throws
   */
  constructor({ output, signal }: SinkContext, { format, open, report }: ImageSessionSetup<Summary>) {
    throwIfAborted(signal);
    if (output.kind !== 'file') {
      throw new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        `${format} is written to a file, not to "${output.kind}"`,
      );
    }
    this.#writer = open(output.path);
    this.#report = report;
    this.#signal = signal;
    this.#onAbort = () => this.#writer.fail(abortedError(signal.reason));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get work(): string | undefined {
    return this.#writer.work;
  }

  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    return this.#writer.write(content, info);
  }

  async finish(tree: Tree): Promise<SinkReport> {
    throwIfAborted(this.#signal);
    const summary = await this.#writer.finish(tree);
    // An abort may come when there was nothing left to make fail.
    throwIfAborted(this.#signal);
    this.#signal.removeEventListener('abort', this.#onAbort);
    return this.#report(summary);
  }

  async abort(reason: unknown): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#writer.abort(abortedError(reason));
  }
}
