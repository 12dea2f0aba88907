import type { BlockCodec } from './codec.ts';

/** Longest time without a look at the event loop, milliseconds: no signal arrives meanwhile. */
const STRETCH = 50;

/**
 * Lets signals and timers have their turn while a codec that answers at once compresses block after block.
 *
 * @param codec - the codec
 * @param check - called after each turn; throws when the work is over
 * @returns a codec with the same results
 */
export function pacedCodec(codec: BlockCodec, check: () => void): BlockCodec {
  let began = performance.now();
  return {
    outputSize: codec.outputSize,
    compress(input, output) {
      if (performance.now() - began < STRETCH) return codec.compress(input, output);
      return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        began = performance.now();
        check();
        return codec.compress(input, output);
      });
    },
  };
}
