/** Limits against hostile layouts. Real ones stay far below. */
export interface LayoutLimits {
  /** Bytes of an index, manifest or config. @defaultValue 8388608 (8 MiB) */
  readonly documentBytes: number;
  /** Indexes within indexes. @defaultValue 16 */
  readonly indexDepth: number;
  /** Descriptors in all indexes together. @defaultValue 20000 */
  readonly manifests: number;
  /** Layers of one image. @defaultValue 4096 */
  readonly layers: number;
}

/** The limits in force when none are given. */
export const DEFAULT_LIMITS: LayoutLimits = {
  documentBytes: 8 * 1024 * 1024,
  indexDepth: 16,
  manifests: 20_000,
  layers: 4096,
};

/** Nesting of arrays and objects in a document: more would overflow the stack of whoever prints it. */
export const MAX_JSON_DEPTH = 100;
