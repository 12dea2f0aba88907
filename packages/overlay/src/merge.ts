import { setImmediate as turn } from 'node:timers/promises';
import { InputThreads } from '@ocirender/decompress';
import {
  abortedError,
  type DiagnosticHandler,
  type Layer,
  OcirenderError,
  type SinkReport,
  type SinkSession,
  type SourceLayer,
  type Tree,
  throwIfAborted,
} from '@ocirender/interface';
import type { Journal } from './journal.ts';
import { LayerKnowledge } from './layer-knowledge.ts';
import type { LayerMemory } from './layer-memory.ts';
import { DEFAULT_LIMITS, type MergeLimits } from './limits.ts';
import { DEFAULT_POLICY, type MergePolicy } from './policy.ts';
import { Replay } from './replay.ts';
import { Scanner } from './scan.ts';
import { bindContents, nameMissing, readMissing, type Settlement } from './settle.ts';
import { ToldDiagnostics } from './told-diagnostics.ts';

/**
 * A step of a merge. `settle` reads skipped contents again, `place` reads all contents under their final paths; both
 * only where needed.
 */
export type MergePhase = 'scan' | 'replay' | 'settle' | 'place' | 'finish';

/** What is told while a merge runs; all optional, called synchronously. */
export interface MergeObserver {
  phase?(phase: MergePhase): void;
  layerStart?(index: number): void;
  /** `bytes` stored bytes of the layer have been read in this pass. */
  layerBytes?(index: number, bytes: number): void;
  layerEnd?(index: number, layer: MergedLayer): void;
}

/** What a merge needs. */
export interface MergeOptions {
  /** Oldest first, as in the manifest. They are read newest first. */
  readonly layers: readonly Layer[];
  /**
   * Begins an output. Called a second time when contents of a sink that writes in order turn out to be misplaced;
   * the first session has been aborted then and its output must be removed or overwritten.
   */
  readonly openSession: () => Promise<SinkSession>;
  /** False when what a session has written cannot be taken back (a pipe). @defaultValue true */
  readonly rewindable?: boolean;
  /** Learn the whole tree before the first content is stored; every layer is then read twice. @defaultValue false */
  readonly planFirst?: boolean;
  readonly policy?: Partial<MergePolicy>;
  readonly limits?: Partial<MergeLimits>;
  /** Where what layers say is kept, and what sinks made of their contents: a layer that is known need not be read. */
  readonly cache?: LayerMemory;
  /** Seconds since the epoch for directories that no layer describes. @defaultValue 0 */
  readonly sourceDateEpoch?: number;
  readonly signal?: AbortSignal;
  readonly diagnose?: DiagnosticHandler;
  readonly observer?: MergeObserver;
}

/** One layer as it was read. */
export interface MergedLayer {
  /** Archive members, markers included. */
  readonly entries: number;
  /** Whiteouts and opaque markers. */
  readonly whiteouts: number;
  /** Uncompressed bytes. */
  readonly tarBytes: number;
  /** Wall time of the scan. */
  readonly milliseconds: number;
  /** Whether nothing of it was read: its headers were known, and as much of its contents as the sink wants. */
  readonly fromCache: boolean;
}

/** What a merge gives. */
export interface MergeResult {
  readonly tree: Tree;
  readonly report: SinkReport;
  /** Oldest first. */
  readonly layers: readonly MergedLayer[];
  /** Bytes of contents that the sink stored and the tree does not use. */
  readonly wastedBytes: number;
  /** Bytes of contents that were read in a second pass. */
  readonly rereadBytes: number;
}

/**
 * Merges layers into one tree and writes it to a sink: scan, replay, settle, finish.
 *
 * @param options - layers, sink and choices
 * @returns the tree and what was done
 * @throws {OcirenderError} for whatever is wrong with the image, the sink or its output; every session that was opened
 * has been aborted then
 */
export async function mergeLayers(options: MergeOptions): Promise<MergeResult> {
  if (options.cache === undefined) return (await new Merge(options).run())!;
  const told = new ToldDiagnostics(options.diagnose ?? ((): void => undefined));
  for (;;) {
    // Each time, what was damaged is gone.
    const result = await new Merge({ ...options, diagnose: told.diagnose }).run();
    if (result !== undefined) return result;
    told.startAgain();
  }
}

class Merge {
  readonly #options: MergeOptions;
  readonly #policy: MergePolicy;
  readonly #limits: MergeLimits;
  readonly #diagnose: DiagnosticHandler;
  readonly #threads = new InputThreads();
  readonly #layers: MergedLayer[] = [];
  readonly #knowledge: LayerKnowledge;
  #session: SinkSession | undefined;

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#policy = { ...DEFAULT_POLICY, ...options.policy };
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    if (this.#limits.pathBytes > 65_535) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', 'the limit pathBytes can be at most 65535');
    }
    this.#diagnose = options.diagnose ?? ((): void => undefined);
    this.#knowledge = new LayerKnowledge(options.layers, options.cache, this.#policy, this.#limits);
  }

  /** Merges; undefined when kept work turned out to be damaged: without it, another merge will do. */
  async run(): Promise<MergeResult | undefined> {
    try {
      return await this.#merge();
    } catch (error) {
      await this.#session?.abort(error);
      const { signal } = this.#options;
      if (signal?.aborted === true) throw abortedError(signal.reason);
      if (this.#knowledge.isDamaged) return undefined;
      throw error;
    } finally {
      await this.#threads.end();
      await this.#knowledge.close();
    }
  }

  async #merge(): Promise<MergeResult> {
    throwIfAborted(this.#options.signal);
    this.#session = await this.#options.openSession();
    const { placement } = this.#session;
    const inline = placement === 'inline';
    const planFirst = this.#options.planFirst === true || placement === 'planned';
    // A session whose work is kept may have to be begun again.
    if (placement === 'any' && this.#options.rewindable !== false)
      await this.#knowledge.findWork(this.#session);
    const journals = await this.#scan(planFirst ? undefined : this.#session);
    const tree = await this.#replay(journals);
    let settlement = bindContents(tree.root, journals, inline);
    let phase: MergePhase = planFirst ? 'place' : 'settle';
    if (inline && !planFirst && !settlement.placedRight) {
      settlement = await this.#startAgain(tree, journals);
      phase = 'place';
    }
    const rereadBytes = await this.#readMissing(settlement, tree, phase);
    // Nothing is read any more: the cores are the sink's.
    await this.#threads.end();
    this.#phase('finish');
    const report = await this.#session.finish(tree);
    await this.#knowledge.keepWork();
    return { tree, report, layers: this.#layers, wastedBytes: settlement.wastedBytes, rereadBytes };
  }

  async #scan(session: SinkSession | undefined): Promise<Journal[]> {
    const { layers, signal, observer, cache } = this.#options;
    this.#phase('scan');
    const scanner = new Scanner({
      policy: this.#policy,
      limits: this.#limits,
      threads: this.#threads,
      session,
      keepsPax: this.#session?.keepsPax ?? false,
      // Of layers that are known they were recorded before.
      recordsHidden: this.#sources
        .slice(0, -1)
        .some(({ recorder, kept }) => recorder !== undefined && kept === undefined),
      ...(signal === undefined ? {} : { signal }),
      diagnose: this.#diagnose,
      ...(cache === undefined ? {} : { cache }),
      onBytes: (index, bytes) => observer?.layerBytes?.(index, bytes),
    });
    const journals: Journal[] = [];
    const known = await this.#knowledge.findHeaders(
      session === undefined || session.ignoresContents === true,
    );
    for (let index = layers.length - 1; index >= 0; index--) {
      observer?.layerStart?.(index);
      const start = performance.now();
      const [layer, headers, source] = [layers[index]!, known[index], this.#sources[index]!];
      let fromCache = false;
      let journal: Journal;
      if (headers === undefined) {
        const scanned = await scanner.scan(layer, source);
        journal = scanned.journal;
        if (scanned.isGenuine) this.#knowledge.trust(index);
      } else {
        const recalled = await scanner.recall(headers, layer, source);
        journal = recalled.journal;
        fromCache = !recalled.wasRead;
        this.#knowledge.trust(index);
      }
      journals[index] = journal;
      const merged: MergedLayer = {
        entries: journal.length,
        whiteouts: journal.markers,
        tarBytes: journal.tarBytes,
        milliseconds: performance.now() - start,
        fromCache,
      };
      this.#layers[index] = merged;
      observer?.layerEnd?.(index, merged);
    }
    return journals;
  }

  async #replay(journals: readonly Journal[]): Promise<Pick<Replay, 'root' | 'linked'>> {
    this.#phase('replay');
    const replay = new Replay({
      policy: this.#policy,
      pathDepth: this.#limits.pathDepth,
      entries: this.#limits.entries,
      // Placements are compared with the tree.
      release: this.#session?.placement === 'any' || this.#options.planFirst === true,
      sourceDateEpoch: this.#options.sourceDateEpoch ?? 0,
      diagnose: this.#diagnose,
    });
    for (const [index, journal] of journals.entries()) {
      replay.apply(journal, index, this.#options.layers[index]!.digest);
      // A signal could not arrive meanwhile.
      await turn();
      throwIfAborted(this.#options.signal);
    }
    return { root: replay.root, linked: replay.linked };
  }

  /** Gives up a session that has contents in wrong places and begins one that will get each under its final path. */
  async #startAgain(tree: Pick<Replay, 'root'>, journals: readonly Journal[]): Promise<Settlement> {
    if (this.#options.rewindable === false) {
      throw new OcirenderError(
        'ERR_OCIRENDER_PLAN_REQUIRED',
        'this image needs its contents in another order than they come, and the output cannot be rewound',
        { hint: 'Use --plan-first (it reads the layers twice), or write to a file.' },
      );
    }
    await this.#session?.abort(undefined);
    this.#session = undefined;
    this.#session = await this.#options.openSession();
    for (const journal of journals) journal.clearRefs();
    return bindContents(tree.root, journals, false);
  }

  async #readMissing(settlement: Settlement, tree: Tree, phase: MergePhase): Promise<number> {
    if (settlement.missing.size === 0) return 0;
    if (this.#session!.ignoresContents === true) {
      nameMissing(settlement.missing, this.#session!, tree, this.#sources);
      return 0;
    }
    const { layers, signal, observer } = this.#options;
    this.#phase(phase);
    return readMissing(settlement.missing, {
      layers,
      sources: this.#sources,
      session: this.#session!,
      tree,
      limits: this.#limits,
      threads: this.#threads,
      isChecked: (index) => !this.#layers[index]!.fromCache,
      ...(signal === undefined ? {} : { signal }),
      diagnose: this.#diagnose,
      onLayer: (index) => observer?.layerStart?.(index),
      onRead: (index) => {
        this.#layers[index] = { ...this.#layers[index]!, fromCache: false };
      },
      onBytes: (index, bytes) => observer?.layerBytes?.(index, bytes),
    });
  }

  get #sources(): readonly SourceLayer[] {
    return this.#knowledge.sources;
  }

  #phase(phase: MergePhase): void {
    throwIfAborted(this.#options.signal);
    this.#options.observer?.phase?.(phase);
  }
}
