import type { CodecContext } from './codec.ts';
import type { DecompressionEngine } from './engine.ts';
import { canInflateAtOnce, SyncZlibEngine } from './sync-zlib-engine.ts';
import { ENGINE_OPTIONS, ZlibEngine, type ZlibStream } from './zlib-engine.ts';

/**
 * Makes the engine that fits: in the calling thread where there is a ring and Node lets us, else in libuv's pool.
 *
 * @param create - makes a stream of `node:zlib` with the given options besides its own
 * @param context - says where the output goes
 * @returns an engine of that stream
 */
export function makeEngine(
  create: (options: object) => ZlibStream,
  { ring, count }: CodecContext,
): DecompressionEngine {
  if (ring === undefined || !canInflateAtOnce()) return new ZlibEngine(create({ ...ENGINE_OPTIONS }));
  return new SyncZlibEngine(create({}), ring, count);
}
