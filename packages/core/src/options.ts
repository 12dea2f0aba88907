import type { Writable } from 'node:stream';
import type { DiagnosticHandler, Image, Sink, SinkContext } from '@ocirender/interface';
import type { MergeLimits, MergePolicy } from '@ocirender/overlay';
import type { ProgressHandler } from './progress.ts';

/** What {@link convert} takes besides image, sink and output. */
export interface ConvertSettings extends Partial<MergePolicy> {
  /** The sink's own options by name, as text or typed; checked against its schema. */
  readonly sinkOptions?: Readonly<Record<string, unknown>>;
  /** `os/arch[/variant]`; the host's by default (with os `linux`). */
  readonly platform?: string;
  /** Replace an existing output. @defaultValue false */
  readonly force?: boolean;
  /** Worker threads for compression. @defaultValue the number of available cores */
  readonly threads?: number;
  /**
   * Read every layer twice: headers first, contents under their final paths second. Needed for sinks that
   * write in order to a pipe, when contents turn out to belong elsewhere. @defaultValue false
   */
  readonly planFirst?: boolean;
  /** Limits on hostile input. */
  readonly limits?: Partial<MergeLimits>;
  /** Seconds since the epoch for whatever has no time of its own. @defaultValue `SOURCE_DATE_EPOCH` or 0 */
  readonly sourceDateEpoch?: number;
  /** Opens the images that a sink asks for by name (the reference of the sink `verify`). */
  readonly openImage?: SinkContext['openImage'];
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressHandler;
  readonly onDiagnostic?: DiagnosticHandler;
}

/** What {@link convert} takes. */
export interface ConvertOptions extends ConvertSettings {
  /** An OCI layout (`DIR`, `DIR:TAG`, `DIR@sha256:…`), an unpacked `docker save`, or an image already opened. */
  readonly image: string | Image;
  readonly sink: Sink;
  /** Path to write, or a stream (for sinks that can write to one); absent for sinks without output. */
  readonly output?: string | Writable;
}
