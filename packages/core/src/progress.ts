/** A step of a conversion, in the order in which they occur; `settle` and `place` only when needed. */
export type Phase = 'scan' | 'replay' | 'settle' | 'place' | 'finish';

/** What happens during a conversion. Byte counts are of stored (compressed) bytes. */
export type ProgressEvent =
  | {
      readonly type: 'start';
      /** Newest layer last, as in the manifest. */
      readonly layers: readonly {
        readonly digest: string;
        readonly size: number;
        readonly mediaType?: string;
      }[];
      /** Sum of the layers' sizes. */
      readonly totalBytes: number;
    }
  /** A phase begins. Byte counts start again at 0 when a `scan` begins or a `place` (second pass). */
  | { readonly type: 'phase'; readonly phase: Phase }
  | { readonly type: 'layer-start'; readonly index: number; readonly digest: string }
  /** `bytes` of the layer have been read so far. */
  | { readonly type: 'layer-bytes'; readonly index: number; readonly bytes: number }
  /** `bytes` of the layer have arrived from a registry or through a stream. */
  | { readonly type: 'layer-arrived'; readonly index: number; readonly bytes: number }
  | {
      readonly type: 'layer-end';
      readonly index: number;
      readonly digest: string;
      readonly entries: number;
      readonly milliseconds: number;
      /** Whether its headers were known, so that nothing of it was read. */
      readonly fromCache: boolean;
    }
  /** The output is in place: an abort comes too late. What it has replaced is removed now. */
  | { readonly type: 'committed' };

/** Takes progress events; called synchronously, must not throw. */
export type ProgressHandler = (event: ProgressEvent) => void;
