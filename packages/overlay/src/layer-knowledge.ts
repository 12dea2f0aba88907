import type { Layer, SinkSession, SourceLayer } from '@ocirender/interface';
import {
  type KnownWork,
  type LayerHeaders,
  type LayerMemory,
  layerKey,
  readingLimits,
  type WorkRecording,
} from './layer-memory.ts';
import type { MergeLimits } from './limits.ts';
import type { MergePolicy } from './policy.ts';

/** What one merge knows of its layers before it reads them, and what it leaves for the next. */
export class LayerKnowledge {
  readonly #layers: readonly Layer[];
  readonly #cache: LayerMemory | undefined;
  readonly #limits: MergeLimits;
  /** A builder's wrong diff_id, which is let pass then, must not give another layer's headers. */
  readonly #sameBlob: boolean;
  readonly #kept: (KnownWork | undefined)[] = [];
  readonly #recordings: (WorkRecording | undefined)[] = [];
  readonly #trusted = new Set<number>();
  /** What a session is told of each layer. */
  sources: readonly SourceLayer[];

  /**
   * @param layers - of the image
   * @param cache - where what is known is kept
   * @param policy - of the merge
   * @param limits - of the merge
   */
  constructor(
    layers: readonly Layer[],
    cache: LayerMemory | undefined,
    policy: MergePolicy,
    limits: MergeLimits,
  ) {
    this.#layers = layers;
    this.#cache = cache;
    this.#limits = limits;
    this.#sameBlob = policy.lenient;
    this.sources = layers.map((_, index) => ({ index }));
  }

  /** Whether kept work turned out to be damaged. */
  get isDamaged(): boolean {
    return this.#kept.some((known) => known?.isDamaged === true);
  }

  /**
   * Looks up what was made of the layers' contents, and begins to record what is made now.
   *
   * @param session - which may have a `work`
   */
  async findWork(session: SinkSession): Promise<void> {
    const cache = this.#cache;
    // To name it may take a look at the disk.
    const work = cache === undefined ? undefined : session.work;
    if (cache === undefined || work === undefined) return;
    const sources: SourceLayer[] = [];
    for (const [index, layer] of this.#layers.entries()) {
      const key = layerKey(layer);
      if (key !== undefined) {
        this.#kept[index] = await cache.findWork(key, work, this.#sameBlob);
        this.#recordings[index] = cache.recordWork(key, work);
      }
      const [kept, recorder] = [this.#kept[index], this.#recordings[index]];
      sources.push({
        index,
        ...(kept === undefined ? {} : { kept }),
        ...(recorder === undefined ? {} : { recorder }),
      });
    }
    this.sources = sources;
  }

  /**
   * Looks up headers. Before any layer is opened: of those that are known nothing is fetched ahead.
   *
   * @param contentless - whether the session wants no contents: else headers alone are not enough
   * @returns those that are known, by layer
   */
  async findHeaders(contentless: boolean): Promise<(LayerHeaders | undefined)[]> {
    if (this.#cache === undefined) return [];
    const limits = readingLimits(this.#limits);
    const found: (LayerHeaders | undefined)[] = [];
    for (const [index, layer] of this.#layers.entries()) {
      const key = contentless || this.#kept[index] !== undefined ? layerKey(layer) : undefined;
      const known =
        key === undefined ? undefined : await this.#cache.findHeaders(key, limits, this.#sameBlob);
      if (known !== undefined) layer.pass?.();
      found.push(known);
    }
    return found;
  }

  /**
   * Says that a layer's tar is the one that its diff_id names.
   *
   * @param index - of the layer
   */
  trust(index: number): void {
    this.#trusted.add(index);
  }

  /** Keeps what was made of the contents of layers that are trusted: the output is complete. */
  async keepWork(): Promise<void> {
    for (const [index, recording] of this.#recordings.entries()) {
      if (this.#trusted.has(index)) await recording?.commit();
    }
  }

  /** Closes everything; what was not kept is forgotten. Never throws. */
  async close(): Promise<void> {
    for (const recording of this.#recordings) await recording?.discard();
    for (const known of this.#kept) await known?.close();
  }
}
