import { MAX_WINDOW } from './limits.ts';

const MAGIC = 0xfd2f_b528;

/** Largest content of one compressed block in bytes. */
const MAX_BLOCK = 128 * 1024;

/**
 * Follows a zstd frame's headers (RFC 8878, 3.1.1) without decompressing anything.
 *
 * @param frame - exactly one frame
 * @returns the most bytes that it can decompress to
 * @throws Error when it is not one whole frame, or asks for a window that no block of an image needs
 */
export function zstdFrameBound(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 6 || view.getUint32(0, true) !== MAGIC) throw new Error('zstd: not a frame');
  const descriptor = frame[4] as number;
  const single = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw new Error('zstd: a reserved bit is set');
  let at = 5;
  if (!single) {
    const window = frame[at++] as number;
    if (2 ** (10 + (window >> 3)) > MAX_WINDOW) throw new Error('zstd: the window is too large');
  }
  at += [0, 1, 2, 4][descriptor & 3] as number;
  at += [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;

  let bound = 0;
  for (let last = false; !last; ) {
    if (at + 3 > frame.length) throw new Error('zstd: the frame is cut short');
    const header = view.getUint16(at, true) | ((frame[at + 2] as number) << 16);
    const size = header >>> 3;
    const type = (header >> 1) & 3;
    if (type === 3) throw new Error('zstd: a block of unknown type');
    last = (header & 1) !== 0;
    at += 3 + (type === 1 ? 1 : size);
    bound += type === 2 ? MAX_BLOCK : size;
  }
  if ((descriptor & 0x04) !== 0) at += 4;
  if (at !== frame.length) throw new Error('zstd: the frame does not end with the block');
  return bound;
}
