import type { Content, ContentInfo, ContentRef } from './content.ts';
import type { DiagnosticHandler } from './diagnostic.ts';
import type { OptionSchema, OptionValues } from './option-schema.ts';
import type { ImageSource } from './reader.ts';
import type { Tree } from './tree.ts';

/** Marks a sink of interface version 1; the same symbol in every copy of this package. */
export const SINK_BRAND: unique symbol = Symbol.for('@ocirender/sink@1') as never;

/** Version of the sink contract: the `ocirender.interface` of a sink package's package.json. */
export const INTERFACE_VERSION = 1;

/** What a sink can write to: a new regular file, a new directory, a byte stream, or nothing at all. */
export type OutputKind = 'file' | 'directory' | 'stream' | 'none';

/**
 * Where a session writes.
 *
 * `file` and `directory` carry a temporary path that does not exist yet: the sink creates it, the caller
 * renames it into place after `finish` and removes it after a failure. A directory with `into` is an exception: that one
 * exists (a mount point, say), holds nothing but perhaps `lost+found`, and is filled where it is; only sidecars get names that
 * begin with `path` then. For `stream` the sink waits for each `write` before the next; the caller ends the stream.
 */
export type Output =
  | { readonly kind: 'file' | 'directory'; readonly path: string; readonly into?: string }
  | { readonly kind: 'stream'; readonly write: (bytes: Uint8Array) => Promise<void> }
  | { readonly kind: 'none' };

/** What a session is given. */
export interface SinkContext {
  readonly output: Output;
  /** Every option of the sink's schema, checked, defaults filled in. */
  readonly options: OptionValues;
  /** How many worker threads the session may use, at least 1. The bytes written never depend on it. */
  readonly threads: number;
  /**
   * Text that identifies the merged image, whatever form it was read from: made of the layers' diff_ids and the choices
   * that change the tree. Identifiers that must not be random (UUIDs) are derived from it.
   */
  readonly seed?: string;
  /** `SOURCE_DATE_EPOCH` in seconds: the only clock a format's own timestamps may show (default 0). */
  readonly sourceDateEpoch?: number;
  /** Repair what the format cannot hold where that is possible, each time with a diagnostic, instead of refusing it. */
  readonly lenient?: boolean;
  readonly signal: AbortSignal;
  /** Reports what the format cannot hold; never called for what it can. */
  readonly diagnose: DiagnosticHandler;
  /**
   * Opens another image in any form that the host knows, for sinks that read one; whoever calls it closes the image.
   * Absent where the host knows no readers.
   */
  readonly openImage?: (spec: string) => Promise<ImageSource>;
}

/** What a session says when it is done. */
export interface SinkReport {
  /** Size of the output in bytes; 0 when there is none. */
  readonly bytesWritten: number;
  /** Facts about the output for `--json` and the summary, for example `{ inodes: 812, fragments: 31 }`. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /**
   * Endings of files that the sink wrote beside the output (`['.mtree']` for `OUTPUT.mtree`), each one of
   * {@link Sink.sidecars}: the caller renames them together with the output.
   */
  readonly sidecars?: readonly string[];
  /** True when the sink has brought everything below its directory to the disk; else the caller does, file by file. */
  readonly durable?: boolean;
}

/**
 * Writes one image. Calls come one at a time: any number of `write`, then one `finish`; or `abort` at any
 * point, also while a `write` or `finish` is pending or after either has failed, but not after `finish` is done.
 */
export interface SinkSession {
  /**
   * - `any`: contents may come in any order and under any expected name; the tree alone says where they go.
   * - `inline`: contents are written under their expected placement at once, so that placement must be right.
   * - `planned`: like `inline`, and the whole tree must be known before the first content ({@link ContentInfo.tree}):
   *   every layer is read twice.
   */
  readonly placement: 'any' | 'inline' | 'planned';
  /** Whether `extraPax` of inodes is in the output: what is lost otherwise is reported then. @defaultValue false */
  readonly keepsPax?: boolean;
  /**
   * Nobody looks at contents: {@link SinkSession.write} gets no bytes, and names them at once. Layers whose headers are known
   * need not be read then. @defaultValue false
   */
  readonly ignoresContents?: boolean;
  /**
   * Names what the session makes of contents, with everything that its bytes depend on: format, codec, level, block size, version of
   * the library. Present where that can be kept, layer by layer, for sessions of the same name ({@link SourceLayer}): for
   * `placement: 'any'` only. Contents of a member that is kept come without bytes, and some come only to be recorded
   * ({@link ContentInfo.isSpare}). The output is the same.
   */
  readonly work?: string | undefined;
  /**
   * Stores one file's contents.
   *
   * @param content - all bytes at once (small files) or a stream; see {@link Content} for who owns the bytes
   * @param info - size and expected place
   * @returns the name under which the tree will refer to it, at once or later
   */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef>;
  /**
   * Writes the metadata and completes the output. On return all bytes are with the operating system and
   * every file handle is closed. The caller syncs files; a directory's contents the sink has to bring to the disk itself
   * (syncfs), and to say so with {@link SinkReport.durable}. Long loops look at the signal.
   *
   * @param tree - the final tree; the sink does not change it
   */
  finish(tree: Tree): Promise<SinkReport>;
  /**
   * Stops: ends workers and child processes, closes handles. Never throws. The caller removes the output path.
   *
   * @param reason - why
   */
  abort(reason: unknown): Promise<void>;
}

/** An output format. */
export interface Sink {
  readonly [SINK_BRAND]: true;
  /** Word for `--sink`, kebab-case. */
  readonly name: string;
  /** One line that says what it writes. */
  readonly summary: string;
  /** Endings of output names that mean this sink (`.squashfs`), lower case, most usual first; `/` for directories. */
  readonly extensions: readonly string[];
  /** What it can write to, the usual one first. */
  readonly outputs: readonly OutputKind[];
  /** Endings of files that it may write beside a file or directory, so that the caller can look at these places first. */
  readonly sidecars?: readonly string[];
  /**
   * `contents` where a file takes as much room in the output as it has bytes (holes left out): the caller then compares
   * what is announced with the room on the disk. Absent where contents are compressed, or not stored.
   */
  readonly takesRoom?: 'contents';
  readonly options: OptionSchema;
  /**
   * Begins one image.
   *
   * @param context - where and how
   * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` for options that contradict each other, and the
   * sink's own `ERR_OCIRENDER_SINK_*` codes; nothing is left behind then
   */
  open(context: SinkContext): Promise<SinkSession>;
}

/**
 * Marks an object as a sink.
 *
 * @param sink - everything but the brand
 * @returns the sink
 */
export function defineSink(sink: Omit<Sink, typeof SINK_BRAND>): Sink {
  return { [SINK_BRAND]: true, ...sink };
}

/**
 * Tells a sink (of whichever copy of this package) from anything else.
 *
 * @param value - for example a plugin's export
 * @returns true for a sink of this interface version
 */
export function isSink(value: unknown): value is Sink {
  return typeof value === 'object' && value !== null && (value as Partial<Sink>)[SINK_BRAND] === true;
}
