import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';

/**
 * Reads what follows the end of the compressed data: zeros are padding, anything else is reported once.
 *
 * @param input - the input behind the compressed data
 * @param context - takes the diagnostic
 * @param format - the format's name in the message
 */
export async function readTrailing(input: ByteInput, context: CodecContext, format: string): Promise<void> {
  let first: number | undefined;
  for (let piece = await input.next(); piece !== undefined; piece = await input.next()) {
    if (first !== undefined) continue;
    const found = piece.findIndex((byte) => byte !== 0);
    if (found >= 0) first = input.offset - piece.length + found;
  }
  if (first !== undefined) reportTrailing(context, format, first, input.offset);
}

/**
 * Reports bytes that do not belong to the compressed data.
 *
 * @param context - takes the diagnostic
 * @param format - the format's name in the message
 * @param from - offset of the first of them
 * @param end - length of the input
 */
export function reportTrailing(context: CodecContext, format: string, from: number, end: number): void {
  context.diagnose({
    code: 'trailing-data',
    message: `${context.what}: ignored ${end - from} bytes after the end of the ${format} data, from byte ${from}`,
  });
}
