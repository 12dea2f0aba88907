import type { Writable } from 'node:stream';
import type { DiagnosticHandler, Image, Sink, SinkContext } from '@ocirender/interface';
import type { LayerMemory, MergeLimits, MergePolicy } from '@ocirender/overlay';
import type { OpenSourceOptions } from '@ocirender/sources';
import type { ProgressHandler } from './progress.ts';

/** How an image is opened that is given by its name. */
export type SourceSettings = Omit<OpenSourceOptions, 'platform' | 'signal' | 'diagnose' | 'onArrived'>;

/** What {@link convert} takes besides image, sink and output. */
export interface ConvertSettings extends Partial<MergePolicy> {
  /** The sink's own options by name, as text or typed; checked against its schema. */
  readonly sinkOptions?: Readonly<Record<string, unknown>>;
  /** `os/arch[/variant]`; the host's by default (with os `linux`). */
  readonly platform?: string;
  /**
   * Replace existing files: the output, those that the sink puts beside it, that of the config. @defaultValue false
   */
  readonly force?: boolean;
  /** As `force`; and replace an existing directory that is not empty, with all that is in it. @defaultValue false */
  readonly replaceDirectory?: boolean;
  /** Files and directories that are read besides the image: no output may be, contain or lie in one of them. */
  readonly inputs?: readonly string[];
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
  /** Path of a file that gets the image's config, byte for byte, when the conversion is done. */
  readonly configOutput?: string;
  /**
   * Where what layers say is kept, and what the sink made of their contents: a layer that is known is not read, and not fetched. The
   * output is the same.
   */
  readonly cache?: LayerMemory;
  /** How the image is opened, when it is given by its name. */
  readonly source?: SourceSettings;
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressHandler;
  readonly onDiagnostic?: DiagnosticHandler;
}

/** What {@link convert} takes. */
export interface ConvertOptions extends ConvertSettings {
  /**
   * An image already opened, or its name: a directory (`DIR[:TAG][@DIGEST]`), an archive (`FILE[:NAME]`), `-`,
   * `overlay2:DIR`, `docker://NAME`; see `parseSource` of `@ocirender/sources`.
   */
  readonly image: string | Image;
  readonly sink: Sink;
  /** Path to write, or a stream (for sinks that can write to one); absent for sinks without output. */
  readonly output?: string | Writable;
}
