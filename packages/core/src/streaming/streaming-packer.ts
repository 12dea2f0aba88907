import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import { type Image, OcirenderError, type Platform, type Sink } from '@ocirender/interface';
import { discardSource } from '@ocirender/sources';
import { convert } from '../convert.ts';
import { ioError } from '../io-error.ts';
import type { ConvertSettings } from '../options.ts';
import type { ProgressEvent } from '../progress.ts';
import type { ConvertReport } from '../report.ts';
import { type LayerData, type LayerMetadata, LayerSlot } from './layer-slot.ts';

/** What is known of an image whose layers arrive one by one, and how it is converted. */
export interface StreamingSettings extends Omit<ConvertSettings, 'platform' | 'source'> {
  /** Oldest first, as in the manifest. */
  readonly layers: readonly LayerMetadata[];
  /** Directory for layers that come as streams; its files have no names. @defaultValue the system's temporary directory */
  readonly spool?: string;
  /** What the report calls the image. @defaultValue `stream` */
  readonly reference?: string;
  readonly manifestDigest?: string;
  readonly platform?: Platform;
  readonly config?: NonNullable<Image['config']>;
}

/** What {@link StreamingPacker} takes. */
export interface StreamingPackerOptions extends StreamingSettings {
  readonly sink: Sink;
  /** Path to write, or a stream (for sinks that can write to one); absent for sinks without output. */
  readonly output?: string | Writable;
}

/** Events of a {@link StreamingPacker}; listeners are called synchronously and must not throw. */
export interface StreamingPackerEvents {
  /** The layer's turn has come; it may still have to arrive. */
  layerStarted: [index: number];
  /** The layer has been merged. */
  layerFinished: [index: number, layer: { readonly entries: number; readonly milliseconds: number }];
  /** So many stored bytes of the layer have been merged. */
  bytes: [index: number, bytes: number];
  /** So many bytes of a layer that comes as a stream have arrived. */
  arrived: [index: number, bytes: number];
}

/** Ends what a packer has begun when nobody can end it any more. */
const dropped = new FinalizationRegistry<AbortController>((controller) => {
  controller.abort(new OcirenderError('ERR_OCIRENDER_ABORTED', 'the packer was dropped'));
});

/**
 * Converts an image while its layers arrive, in any order. Layers are merged newest first: one whose turn has come is
 * merged as it arrives, others wait, paths as they are and streams in temporary files without names.
 *
 * Every packer must come to `finish()` or `abort()` (`await using` does the latter). One that is dropped is aborted
 * when its memory is reclaimed.
 *
 * @example
 * ```js
 * const packer = new StreamingPacker({ layers: manifest.layers, sink: squashfsSink, output: 'rootfs.squashfs' });
 * packer.notifyLayerReady(1, createReadStream('newest.tar.gz'));
 * packer.notifyLayerReady(0, 'oldest.tar.gz');
 * const report = await packer.finish();
 * ```
 */
export class StreamingPacker extends EventEmitter<StreamingPackerEvents> {
  readonly #slots: readonly LayerSlot[];
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #running: Promise<ConvertReport>;
  #state: 'open' | 'finishing' | 'ended' = 'open';

  /**
   * Begins the conversion.
   *
   * @param options - layers, sink, output and choices; what is wrong with them is the error of {@link finish}
   */
  constructor(options: StreamingPackerOptions) {
    super();
    const { signal } = this.#controller;
    // What runs must not keep the packer alive: it could never be found to be dropped.
    const self = new WeakRef(this);
    this.#slots = options.layers.map(
      (metadata, index) =>
        new LayerSlot(metadata, options.spool, signal, (bytes) =>
          self.deref()?.emit('arrived', index, bytes),
        ),
    );
    this.#signal = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
    this.#running = run(options, this.#slots, this.#controller, this.#signal, (event) => {
      const packer = self.deref();
      if (packer !== undefined) packer.#tell(event);
    });
    // The error is finish()'s; whoever never asks shall not see the process end.
    const end = (): void => {
      const packer = self.deref();
      if (packer !== undefined) packer.#end();
    };
    this.#running.then(end, end);
    dropped.register(this, this.#controller, this);
  }

  /** Aborted when the packer needs no more layers because it has failed. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /**
   * Hands a layer over. After a failure or abort it is discarded.
   *
   * @param index - its place in `layers`
   * @param data - a path, which must stay readable until `finish()` is done, or a stream of stored bytes
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for an index that is out of range or was handed over already, and
   * after `finish()`
   */
  notifyLayerReady(index: number, data: LayerData): void {
    const slot = this.#slots[index];
    if (slot === undefined) {
      throw usage(`there is no layer ${index}: the image has ${this.#slots.length}`, data);
    }
    if (slot.delivered) throw usage(`layer ${index} has been handed over already`, data);
    if (this.#state === 'finishing') throw usage(`layer ${index} comes after finish()`, data);
    if (this.#state === 'ended' || this.signal.aborted) {
      if (typeof data !== 'string') discardSource(data);
      return;
    }
    slot.deliver(data);
  }

  /**
   * Ends the conversion because a layer cannot be had; `finish()` rejects with the error.
   *
   * @param error - why; what is not one of our errors becomes `ERR_OCIRENDER_IO` with it as cause
   */
  notifyError(error: unknown): void {
    this.#controller.abort(ioError(error, 'a layer did not arrive'));
  }

  /**
   * Says that all layers have been handed over, and waits for the output.
   *
   * @returns what was done; the same promise for every call
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when a layer is missing, and as `convert()`
   */
  finish(): Promise<ConvertReport> {
    if (this.#state === 'open') {
      this.#state = 'finishing';
      // Somebody waits: from here on the packer lives, and tells its listeners, until the end.
      dropped.unregister(this);
      const end = (): void => this.#end();
      this.#running.then(end, end);
      const missing = this.#slots.flatMap(({ delivered }, index) => (delivered ? [] : [index]));
      if (missing.length > 0 && !this.#signal.aborted) {
        this.#controller.abort(
          new OcirenderError('ERR_OCIRENDER_USAGE', `finish() without the layers ${missing.join(', ')}`),
        );
      }
    }
    return this.#running;
  }

  /**
   * Gives up: nothing is left behind. Does nothing after the end.
   *
   * @param reason - for the error of `finish()`
   */
  async abort(reason?: unknown): Promise<void> {
    this.#controller.abort(
      new OcirenderError('ERR_OCIRENDER_ABORTED', 'the conversion was aborted', { cause: reason }),
    );
    await this.#running.catch(() => undefined);
  }

  /** As {@link abort}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  #end(): void {
    this.#state = 'ended';
    dropped.unregister(this);
  }

  #tell(event: ProgressEvent): void {
    if (event.type === 'layer-start') this.emit('layerStarted', event.index);
    else if (event.type === 'layer-bytes') this.emit('bytes', event.index, event.bytes);
    else if (event.type === 'layer-end') {
      const { index, entries, milliseconds } = event;
      this.emit('layerFinished', index, { entries, milliseconds });
    }
  }
}

async function run(
  options: StreamingPackerOptions,
  slots: readonly LayerSlot[],
  controller: AbortController,
  signal: AbortSignal,
  tell: (event: ProgressEvent) => void,
): Promise<ConvertReport> {
  const {
    layers: _,
    spool: __,
    reference = 'stream',
    manifestDigest,
    platform,
    config,
    ...settings
  } = options;
  const image: Image = {
    reference,
    layers: slots.map(({ layer }) => layer),
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    ...(platform === undefined ? {} : { platform }),
    ...(config === undefined ? {} : { config }),
  };
  try {
    return await convert({
      ...settings,
      image,
      signal,
      onProgress: (event) => {
        tell(event);
        options.onProgress?.(event);
      },
    });
  } finally {
    // Streams that nobody needs any more end.
    controller.abort(new OcirenderError('ERR_OCIRENDER_ABORTED', 'the conversion has ended'));
    await Promise.all(slots.map((slot) => slot.close()));
  }
}

function usage(message: string, data: LayerData): OcirenderError {
  if (typeof data !== 'string') discardSource(data);
  return new OcirenderError('ERR_OCIRENDER_USAGE', message);
}
