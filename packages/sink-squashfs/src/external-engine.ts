import { stat } from 'node:fs/promises';
import {
  type Content,
  type ContentInfo,
  type ContentRef,
  type SinkContext,
  type SinkReport,
  type SinkSession,
  type Tree,
  throwIfAborted,
} from '@ocirender/interface';
import { TarTreeWriter } from '@ocirender/tar-header';
import { mksquashfsArguments } from './external-arguments.ts';
import { Mksquashfs } from './external-process.ts';
import { checkMksquashfs } from './external-version.ts';
import { MetadataNarrower } from './metadata-narrower.ts';

/**
 * Streams the merged tar into an external mksquashfs, which writes the image. It wants the root's metadata on its
 * command line, so the whole tree must be known before it is started.
 */
export class ExternalSession implements SinkSession {
  readonly placement = 'planned';
  readonly #context: SinkContext;
  readonly #program: string;
  readonly #version: string;
  readonly #output: string;
  readonly #narrow: MetadataNarrower;
  readonly #tar: TarTreeWriter;
  #process: Mksquashfs | undefined;

  private constructor(context: SinkContext, program: string, version: string, output: string) {
    this.#context = context;
    this.#program = program;
    this.#version = version;
    this.#output = output;
    this.#narrow = new MetadataNarrower(context.diagnose);
    this.#tar = new TarTreeWriter((bytes) => this.#process!.feed(bytes), context.diagnose);
  }

  /**
   * Checks the program's version and starts it.
   *
   * @param context - with the options `mksquashfs`, `compression`, `level`, `block-size`, …
   * @returns the running session
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS` when the program is missing or older than 4.6
   */
  static async open(context: SinkContext): Promise<ExternalSession> {
    if (context.output.kind !== 'file') throw new TypeError('mksquashfs writes files');
    const program = (context.options['mksquashfs'] as string | undefined) ?? 'mksquashfs';
    const version = await checkMksquashfs(program, context.signal);
    return new ExternalSession(context, program, version, context.output.path);
  }

  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const { tree, placement } = info;
    if (tree === undefined) throw new TypeError('the tree must be known before the first content');
    this.#start(tree);
    const metadata = this.#narrow.metadata(placement.metadata);
    // Holes go as zeros, which mksquashfs finds again: it does not read every sparse tar.
    return this.#tar.writeContent(content, {
      size: info.size,
      placement: { path: placement.path, metadata },
    });
  }

  async finish(tree: Tree): Promise<SinkReport> {
    const running = this.#start(tree);
    const { entries } = await this.#tar.finish(this.#narrow.tree(tree));
    await running.end();
    const { size } = await stat(this.#output);
    throwIfAborted(this.#context.signal);
    return {
      bytesWritten: size,
      details: { engine: 'mksquashfs', mksquashfsVersion: this.#version, entries },
    };
  }

  async abort(): Promise<void> {
    await this.#process?.kill();
  }

  #start(tree: Tree): Mksquashfs {
    if (this.#process === undefined) {
      const process = new Mksquashfs(
        this.#program,
        this.#version,
        mksquashfsArguments(this.#context, this.#output, this.#narrow.metadata(tree.root)),
      );
      this.#process = process;
      // It may compress for minutes when it has been fed everything.
      this.#context.signal.addEventListener('abort', () => void process.kill(), { once: true });
    }
    return this.#process;
  }
}
