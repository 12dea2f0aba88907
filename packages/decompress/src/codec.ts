import type { DiagnosticHandler } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { Compression } from './compression.ts';
import type { RingWriter } from './input/ring.ts';
import type { DecompressLimits } from './limits.ts';

/** What a codec is given. */
export interface CodecContext {
  readonly limits: DecompressLimits;
  readonly signal: AbortSignal | undefined;
  readonly diagnose: DiagnosticHandler;
  /** The stream's name in messages. */
  readonly what: string;
  /** Where a codec that can do so puts its output instead of yielding it; each of its bytes is counted first. */
  readonly ring: Pick<RingWriter, 'take' | 'commit'> | undefined;
  /**
   * Counts decompressed bytes that a codec does not yield.
   *
   * @throws {LimitError} when there are too many
   */
  readonly count: (bytes: number) => void;
  /** Is told how the input is compressed, before anything else is; throws when that is to be read elsewhere. */
  readonly admit: (compression: Compression) => void;
}

/**
 * Decompresses a whole input. It reads the input to its end: also what follows the compressed data, since the
 * source checks its digest there.
 */
export type Codec = (input: ByteInput, context: CodecContext) => AsyncGenerator<Uint8Array>;
