import type { ByteString, DiagnosticCode, Entry } from '@ocirender/interface';

/** What a `TarReader` finds, in stream order. */
export type TarEvent =
  /** An entry; `offset` is where its first header block (PAX and long-name headers included) starts. */
  | { type: 'entry'; entry: Entry; offset: number }
  /** Content of the last entry: a view on the chunk that was written. */
  | { type: 'data'; bytes: Uint8Array }
  /** A hole of a sparse file, in order between its data. */
  | { type: 'hole'; length: number }
  /** All content of the last entry has come; only for files whose size is not 0. */
  | { type: 'end-of-entry' }
  /** Something that was repaired or left out. */
  | { type: 'diagnostic'; code: DiagnosticCode; message: string; path?: ByteString };
