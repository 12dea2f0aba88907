import type { DiagnosticHandler } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { DecompressLimits } from './limits.ts';

/** What a codec is given. */
export interface CodecContext {
  readonly limits: DecompressLimits;
  readonly signal: AbortSignal | undefined;
  readonly diagnose: DiagnosticHandler;
  /** The stream's name in messages. */
  readonly what: string;
}

/**
 * Decompresses a whole input. It reads the input to its end: also what follows the compressed data, since the
 * source checks its digest there.
 */
export type Codec = (input: ByteInput, context: CodecContext) => AsyncGenerator<Uint8Array>;
