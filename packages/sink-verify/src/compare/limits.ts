/** Bounds on hostile images; exceeding one is a `LimitError` that names it. */
export interface CompareLimits {
  /** Bytes of a path. */
  readonly pathBytes: number;
  /** Bytes of the paths that are held until contents have been compared. */
  readonly metadataBytes: number;
  /** Bytes of contents to read of one side, holes included. */
  readonly totalBytes: number;
}

/** Limits that real images never meet: those of the merging engine. */
export const DEFAULT_COMPARE_LIMITS: CompareLimits = {
  pathBytes: 4096,
  metadataBytes: 512 * 1024 * 1024,
  totalBytes: 1024 ** 4,
};
