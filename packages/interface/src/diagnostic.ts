import type { ByteString } from './byte-string.ts';

/** Codes of the repairs and deviations that never happen silently. */
export type DiagnosticCode =
  | 'media-type-mismatch'
  | 'trailing-data'
  | 'missing-end-of-archive'
  | 'pax-record-ignored'
  | 'aufs-metadata-dropped'
  | 'whiteout-device'
  | 'overlay-xattr-dropped'
  | 'symlinked-parent'
  | 'directory-over-symlink'
  | 'hardlink-to-self'
  | 'hardlink-metadata-differs'
  | 'hardlink-dropped'
  | 'hardlinks-split'
  | 'symlink-dropped'
  | 'entry-below-file'
  | 'path-clamped'
  | 'content-reread'
  | 'xattr-dropped'
  | 'time-clamped'
  | 'not-representable'
  | 'diff-id-missing'
  | 'diff-id-wrong'
  | 'size-rounded'
  | 'overflow-id'
  | 'cache-entry-damaged'
  | 'cache-not-written'
  | (string & {});

/** One deviation or repair. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** What happened, readable on its own. */
  readonly message: string;
  /** Digest of the layer, where there is one. */
  readonly layer?: string;
  /** Path in the image, as bytes. */
  readonly path?: ByteString;
}

/** Takes diagnostics as they occur. */
export type DiagnosticHandler = (diagnostic: Diagnostic) => void;
