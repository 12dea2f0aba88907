import { createHash } from 'node:crypto';
import {
  abortedError,
  type Content,
  type ContentRef,
  expandHoles,
  type ImageSource,
  type SinkContext,
  type SinkReport,
  type SinkSession,
  type Tree,
  throwIfAborted,
} from '@ocirender/interface';
import { compareOpenImages } from './compare/compare-images.ts';
import type { CompareOptions } from './compare/options.ts';
import { DigestStore } from './digest-store.ts';
import { GoneImage } from './image/gone-image.ts';
import { LocalImage } from './image/local-image.ts';
import { TreeSource } from './image/tree-source.ts';
import { ImagesDifferError } from './images-differ-error.ts';

/** What a session compares with. */
export interface SessionReference {
  /** What the user called it. */
  readonly name: string;
  /** Open; the session closes it. */
  readonly source: ImageSource;
}

/** Hashes contents as they come, and compares when the tree is known. */
export class VerifySession implements SinkSession {
  readonly placement = 'any';
  readonly #context: SinkContext;
  readonly #reference: SessionReference;
  readonly #compare: CompareOptions;
  readonly #digests = new DigestStore();
  readonly #stop = new AbortController();
  #finishing: Promise<SinkReport> | undefined;

  /**
   * @param context - of the session
   * @param reference - what to compare with
   * @param compare - what counts
   */
  constructor(context: SinkContext, reference: SessionReference, compare: CompareOptions) {
    this.#context = context;
    this.#reference = reference;
    this.#compare = compare;
  }

  async write(content: Content): Promise<ContentRef> {
    const hash = createHash('sha256');
    if (content instanceof Uint8Array) hash.update(content);
    else {
      for await (const bytes of expandHoles(content)) {
        this.#check();
        hash.update(bytes);
      }
    }
    return this.#digests.add(hash.digest());
  }

  finish(tree: Tree): Promise<SinkReport> {
    this.#finishing = this.#finish(tree);
    return this.#finishing;
  }

  async abort(reason: unknown): Promise<void> {
    this.#stop.abort(abortedError(reason));
    await this.#finishing?.catch(() => undefined);
    await this.#reference.source.close().catch(() => undefined);
  }

  async #finish(tree: Tree): Promise<SinkReport> {
    this.#check();
    const merged = new TreeSource(tree, (ref) => this.#digests.hex(ref));
    const comparison = await compareOpenImages(
      new GoneImage(merged),
      new LocalImage(this.#reference.source),
      { ...this.#compare, signal: AbortSignal.any([this.#stop.signal, this.#context.signal]) },
    );
    await this.#reference.source.close();
    if (!comparison.equal) throw new ImagesDifferError(comparison, this.#reference.name);
    return {
      bytesWritten: 0,
      details: {
        reference: this.#reference.name,
        referenceFormat: comparison.reference.format,
        equalNames: comparison.commonNames,
        equalFiles: comparison.comparedFiles,
        equalBytes: comparison.comparedBytes,
        ...(comparison.ignoredFields.length > 0 ? { ignored: comparison.ignoredFields.join(',') } : {}),
        ...(comparison.ignoredPaths.length > 0
          ? { leftOut: comparison.ignoredPaths.length + comparison.ignoredPathsDropped }
          : {}),
      },
    };
  }

  #check(): void {
    throwIfAborted(this.#stop.signal);
    throwIfAborted(this.#context.signal);
  }
}
