import type { Phase, ProgressEvent } from '@ocirender/core';

/** One layer's progress. */
export interface LayerProgress {
  readonly digest: string;
  /** Stored size in bytes. */
  readonly size: number;
  /** Stored bytes read in this pass. */
  bytes: number;
}

/** What displays show: kept up to date from a conversion's events, knows nothing of terminals. */
export class ProgressState {
  readonly layers: LayerProgress[] = [];
  totalBytes = 0;
  phase: Phase = 'scan';
  /** Index of the layer that was heard of last. */
  current: number | undefined;
  readonly #now: () => number;
  #passStarted: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#passStarted = now();
  }

  /** Stored bytes read in this pass, of all layers. */
  get bytes(): number {
    let sum = 0;
    for (const layer of this.layers) sum += layer.bytes;
    return sum;
  }

  /** Milliseconds since this pass began. */
  get elapsed(): number {
    return this.#now() - this.#passStarted;
  }

  /** Stored bytes a second in this pass; undefined until there is enough to tell. */
  get rate(): number | undefined {
    const { elapsed, bytes } = this;
    return elapsed < 250 || bytes === 0 ? undefined : (bytes / elapsed) * 1000;
  }

  /** Estimated milliseconds until all layers of this pass are read; undefined until there is enough to tell. */
  get left(): number | undefined {
    const { rate } = this;
    return rate === undefined ? undefined : ((this.totalBytes - this.bytes) / rate) * 1000;
  }

  /** Whether layers are being read: else only the phase's name says anything. */
  get reading(): boolean {
    return this.phase === 'scan' || this.phase === 'place';
  }

  update(event: ProgressEvent): void {
    switch (event.type) {
      case 'start':
        this.layers.length = 0;
        for (const { digest, size } of event.layers) this.layers.push({ digest, size, bytes: 0 });
        this.totalBytes = event.totalBytes;
        break;
      case 'phase':
        this.phase = event.phase;
        if (this.reading) this.#beginPass();
        break;
      case 'layer-start':
        this.current = event.index;
        break;
      case 'layer-bytes': {
        this.current = event.index;
        const layer = this.layers[event.index];
        if (layer !== undefined && this.reading) layer.bytes = event.bytes;
        break;
      }
      case 'layer-end': {
        const layer = this.layers[event.index];
        if (layer !== undefined && this.reading) layer.bytes = layer.size;
        break;
      }
    }
  }

  #beginPass(): void {
    for (const layer of this.layers) layer.bytes = 0;
    this.current = undefined;
    this.#passStarted = this.#now();
  }
}
