import type { Layer } from '@ocirender/interface';
import type { MergedLayer, MergeObserver, MergePhase } from '@ocirender/overlay';
import type { ProgressHandler } from './progress.ts';
import type { ConvertReport } from './report.ts';

/** Turns what the merge tells into progress events, byte counts and timings. */
export class ProgressMeter implements MergeObserver {
  readonly #layers: readonly Layer[];
  readonly #handler: ProgressHandler | undefined;
  readonly #started = performance.now();
  readonly #timings: Record<MergePhase, number> = { scan: 0, replay: 0, settle: 0, place: 0, finish: 0 };
  #phase: MergePhase | undefined;
  #phaseStarted = 0;
  /** Bytes read of each layer in this pass. */
  #current: number[] = [];
  /** Stored bytes read in all passes. */
  bytesRead = 0;

  constructor(layers: readonly Layer[], handler: ProgressHandler | undefined) {
    this.#layers = layers;
    this.#handler = handler;
    handler?.({
      type: 'start',
      layers: layers.map(({ digest, size, mediaType }) => ({
        digest,
        size,
        ...(mediaType === undefined ? {} : { mediaType }),
      })),
      totalBytes: layers.reduce((sum, { size }) => sum + size, 0),
    });
  }

  phase(phase: MergePhase): void {
    this.#endPhase();
    this.#phase = phase;
    this.#current = [];
    this.#handler?.({ type: 'phase', phase });
  }

  layerStart(index: number): void {
    this.#handler?.({ type: 'layer-start', index, digest: this.#layers[index]!.digest });
  }

  layerBytes(index: number, bytes: number): void {
    this.bytesRead += bytes - (this.#current[index] ?? 0);
    this.#current[index] = bytes;
    this.#handler?.({ type: 'layer-bytes', index, bytes });
  }

  layerEnd(index: number, { entries, milliseconds, fromCache }: MergedLayer): void {
    const { digest } = this.#layers[index]!;
    this.#handler?.({ type: 'layer-end', index, digest, entries, milliseconds, fromCache });
  }

  /**
   * Ends the last phase.
   *
   * @returns wall time by phase in milliseconds
   */
  finish(): ConvertReport['timings'] {
    this.#endPhase();
    return { ...this.#timings, total: performance.now() - this.#started };
  }

  #endPhase(): void {
    const now = performance.now();
    if (this.#phase !== undefined) this.#timings[this.#phase] += now - this.#phaseStarted;
    this.#phase = undefined;
    this.#phaseStarted = now;
  }
}
