import { FormatError } from '@ocirender/interface';
import { type COMPRESSOR, FLAG, METADATA_RAW, METADATA_SIZE, SUPERBLOCK_SIZE } from '../format.ts';
import type { Superblock } from '../superblock.ts';
import type { BlockDecoder } from './decoder.ts';
import type { ImageFile } from './image-file.ts';
import { readXzStream } from './xz-stream.ts';
import { readZstdFrame } from './zstd-frame.ts';

/** The one version of lz4 options that the kernel takes. */
const LZ4_LEGACY = 1;

/** Checks that an xz stream has that the kernel was built with: none and CRC-32. */
const KERNEL_XZ_CHECKS: ReadonlySet<number> = new Set([0, 1]);

/**
 * Makes a decoder refuse what Linux would not read, though a library does: the kernel sets memory aside for one block
 * only, hands it to the decompressor page by page, and gives up where anything is left when the pages are full.
 *
 * @param decoder - what decodes the blocks
 * @param compression - the image's compressor
 * @param file - the image
 * @param superblock - its superblock
 * @throws {FormatError} when the kernel would not mount the image for its compressor options
 * @see https://github.com/torvalds/linux/tree/v6.12/fs/squashfs zstd_wrapper.c, xz_wrapper.c, lz4_wrapper.c
 */
export async function withKernelRules(
  decoder: BlockDecoder,
  compression: keyof typeof COMPRESSOR,
  file: ImageFile,
  superblock: Superblock,
): Promise<BlockDecoder> {
  const options = await compressorOptions(file, superblock);
  const check = checkOf(compression, Math.max(superblock.blockSize, METADATA_SIZE), options);
  if (check === undefined) return decoder;
  return {
    pooled: decoder.pooled,
    decode: (stored, limit, scratch) => {
      check(stored);
      return decoder.decode(stored, limit, scratch);
    },
  };
}

function checkOf(
  compression: keyof typeof COMPRESSOR,
  room: number,
  options: DataView | undefined,
): ((stored: Uint8Array) => void) | undefined {
  switch (compression) {
    case 'zstd':
      return (stored) => checkZstd(stored, room);
    case 'xz': {
      const dictionary = options === undefined ? room : Math.max(options.getUint32(0, true), METADATA_SIZE);
      return (stored) => checkXz(stored, dictionary);
    }
    case 'lz4':
      if (options?.getUint32(0, true) === LZ4_LEGACY) return undefined;
      throw new FormatError(
        'the image has no lz4 options of version 1: Linux does not mount it',
        SUPERBLOCK_SIZE,
      );
    case 'lzma':
      throw new FormatError('the image is compressed with lzma, which Linux does not read', 0);
    default:
      // zlib and lzo take what they are given, and stop at the end of the data.
      return undefined;
  }
}

function checkZstd(stored: Uint8Array, room: number): void {
  const { window, hasChecksum, hasDictionary, endsEmpty } = readZstdFrame(stored);
  if (window > room) throw refused('zstd', `a window of ${window} bytes where it has room for ${room}`);
  if (hasDictionary) throw refused('zstd', 'a dictionary');
  if (endsEmpty) throw refused('zstd', 'an empty block at the end of the frame');
  if (hasChecksum) throw refused('zstd', 'a checksum at the end of the frame');
}

function checkXz(stored: Uint8Array, room: number): void {
  const { check, dictionary } = readXzStream(stored);
  if (!KERNEL_XZ_CHECKS.has(check)) throw refused('xz', `the integrity check ${check}`);
  if (dictionary > room)
    throw refused('xz', `a dictionary of ${dictionary} bytes where it has room for ${room}`);
}

function refused(compression: string, what: string): Error {
  return new Error(`${compression}: Linux may not read this block: it has ${what}`);
}

/** Reads the compressor options (format.adoc, "Compression Options"): one metadata block behind the superblock. */
async function compressorOptions(file: ImageFile, { flags }: Superblock): Promise<DataView | undefined> {
  if ((flags & FLAG.compressorOptions) === 0) return undefined;
  const header = await file.read(SUPERBLOCK_SIZE, 6);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if ((view.getUint16(0, true) & METADATA_RAW) === 0 || (view.getUint16(0, true) & (METADATA_RAW - 1)) < 4)
    throw new FormatError('the compressor options are no raw metadata block', SUPERBLOCK_SIZE);
  return new DataView(header.buffer, header.byteOffset + 2, 4);
}
