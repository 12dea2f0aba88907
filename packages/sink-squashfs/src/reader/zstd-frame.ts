import { MAX_WINDOW } from './limits.ts';

const MAGIC = 0xfd2f_b528;

/** Largest content of one compressed block in bytes. */
const MAX_BLOCK = 128 * 1024;

/** What the headers of a zstd frame say. */
export interface ZstdFrame {
  /** The most bytes that it can decompress to. */
  readonly bound: number;
  /** Bytes of history that its decoder must keep. */
  readonly window: number;
  /** Whether a checksum stands behind the last block. */
  readonly hasChecksum: boolean;
  /** Whether it was made with a dictionary. */
  readonly hasDictionary: boolean;
  /** Whether an empty block ends it, behind others. */
  readonly endsEmpty: boolean;
}

/**
 * Follows a zstd frame's headers (RFC 8878, 3.1.1) without decompressing anything.
 *
 * @param frame - exactly one frame
 * @returns what they say
 * @throws Error when it is not one whole frame, or asks for a window that no block of an image needs
 */
export function readZstdFrame(frame: Uint8Array): ZstdFrame {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 6 || view.getUint32(0, true) !== MAGIC) throw new Error('zstd: not a frame');
  const descriptor = frame[4] as number;
  const single = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw new Error('zstd: a reserved bit is set');
  let at = 5;
  let window = 0;
  if (!single) {
    const byte = frame[at++] as number;
    window = 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8);
    if (2 ** (10 + (byte >> 3)) > MAX_WINDOW) throw new Error('zstd: the window is too large');
  }
  at += [0, 1, 2, 4][descriptor & 3] as number;
  const sizeLength = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  if (at + sizeLength > frame.length) throw new Error('zstd: the frame is cut short');
  if (single) window = contentSize(view, at, sizeLength);
  at += sizeLength;

  let bound = 0;
  let blocks = 0;
  let endsEmpty = false;
  for (let last = false; !last; blocks++) {
    if (at + 3 > frame.length) throw new Error('zstd: the frame is cut short');
    const header = view.getUint16(at, true) | ((frame[at + 2] as number) << 16);
    const size = header >>> 3;
    const type = (header >> 1) & 3;
    if (type === 3) throw new Error('zstd: a block of unknown type');
    last = (header & 1) !== 0;
    endsEmpty = blocks > 0 && type !== 2 && size === 0;
    at += 3 + (type === 1 ? 1 : size);
    bound += type === 2 ? MAX_BLOCK : size;
  }
  const hasChecksum = (descriptor & 0x04) !== 0;
  if (hasChecksum) at += 4;
  if (at !== frame.length) throw new Error('zstd: the frame does not end with the block');
  return { bound, window, hasChecksum, hasDictionary: (descriptor & 3) !== 0, endsEmpty };
}

/** The size of the contents, which two bytes count from 256. */
function contentSize(view: DataView, at: number, length: number): number {
  switch (length) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
