import type { Diagnostic, Image, SinkReport, TreeSummary } from '@ocirender/interface';

/** One layer, as it was read. */
export interface LayerReport {
  readonly digest: string;
  readonly mediaType?: string;
  /** Stored size in bytes. */
  readonly size: number;
  /** Uncompressed size in bytes. */
  readonly tarBytes: number;
  /** Archive members, whiteouts included. */
  readonly entries: number;
  readonly whiteouts: number;
  readonly milliseconds: number;
  /** Whether nothing of it was read: its headers were known, and as much of its contents as the sink wants. */
  readonly fromCache: boolean;
}

/** What a cache has saved. */
export interface CacheReport {
  /** Layers of which nothing was read. */
  readonly layers: number;
  /** Their stored bytes. */
  readonly bytesNotRead: number;
  /** Those of them that would have come over a network. */
  readonly bytesNotDownloaded: number;
}

/** What a conversion did. Plain data: `JSON.stringify` gives the CLI's `--json`. */
export interface ConvertReport {
  readonly reference: string;
  readonly manifestDigest?: string;
  readonly platform?: Image['platform'];
  /** The image's config, parsed. */
  readonly config?: unknown;
  /** Digest of the config: the image id. */
  readonly configDigest?: string;
  readonly sink: string;
  /** Path of the output; absent for streams and sinks without output. */
  readonly output?: string;
  /** Oldest first. */
  readonly layers: readonly LayerReport[];
  /** Present when there was a cache. */
  readonly cache?: CacheReport;
  readonly tree: TreeSummary;
  /** Stored bytes read, all passes. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes of contents that the sink stored and the tree does not use. */
  readonly wastedBytes: number;
  /** Bytes of contents that were read a second time. */
  readonly rereadBytes: number;
  readonly diagnostics: readonly Diagnostic[];
  /** Diagnostics that were not kept because there were too many. */
  readonly diagnosticsDropped: number;
  /** How often each diagnostic code occurred. */
  readonly diagnosticCounts: Readonly<Record<string, number>>;
  /** The sink's own facts. */
  readonly details: SinkReport['details'];
  /** Wall time by phase, milliseconds. */
  readonly timings: Readonly<Record<'scan' | 'replay' | 'settle' | 'place' | 'finish' | 'total', number>>;
}
