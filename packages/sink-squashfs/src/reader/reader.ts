import {
  defineReader,
  FormatError,
  ImageReader,
  NO_XATTRS,
  type OpenReaderOptions,
  type Reader,
  throwIfAborted,
} from '@ocirender/interface';
import { NO_XATTR, SUPERBLOCK, SUPERBLOCK_SIZE } from '../format.ts';
import { compressorName, createDecoder } from './decoder.ts';
import { ImageFile } from './image-file.ts';
import { InodeReader } from './inode-reader.ts';
import { withKernelRules } from './kernel-rules.ts';
import { LookupTable } from './lookup-table.ts';
import { MetadataReader } from './metadata-reader.ts';
import { SquashfsSource } from './source.ts';
import { decodeSuperblock, superblockFacts } from './superblock.ts';
import { XattrReader } from './xattr-reader.ts';

/** Metadata blocks of the inode table to keep, 8 KiB each. */
const INODE_BLOCKS = 512;

/** Metadata blocks of the directory table to keep, 8 KiB each. */
const DIRECTORY_BLOCKS = 64;

/** The reader of squashfs 4.0 images, for `ocirender verify`, `ls`, `cat` and `inspect`. */
export const squashfsReader: Reader = defineReader({
  name: 'squashfs',
  summary: 'Reads squashfs 4.0 images in process, whoever made them.',
  magic: [{ offset: 0, bytes: '68737173' }],
  open: openSource,
});

/**
 * Opens a squashfs 4.0 image for reading by path names: no mount, no root. Reads the superblock and the root inode;
 * everything else when it is asked for.
 *
 * @param path - the image: a file or a block device
 * @param options - `threads`: blocks that may be decompressed at a time, where the compressor gains by it;
 * `strict`: refuse blocks that Linux would not read
 * @returns the image; to be closed
 * @throws {FormatError} when it is not a squashfs 4.0 image or damaged
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when its compressor is unknown
 * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read
 */
export async function openSquashfs(path: string, options: OpenReaderOptions = {}): Promise<ImageReader> {
  return new ImageReader(await openSource(path, options));
}

async function openSource(path: string, options: OpenReaderOptions = {}): Promise<SquashfsSource> {
  throwIfAborted(options.signal);
  const file = await ImageFile.open(path);
  try {
    return await openImage(file, options);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openImage(
  file: ImageFile,
  { threads = 1, strict = false }: OpenReaderOptions,
): Promise<SquashfsSource> {
  const superblock = decodeSuperblock(await file.read(0, SUPERBLOCK_SIZE), file.end);
  file.limit(superblock.bytesUsed);
  const compression = compressorName(superblock.compressor);
  const lenient = createDecoder(compression, threads);
  const decoder = strict ? await withKernelRules(lenient, compression, file, superblock) : lenient;
  const { inodeTable, directoryTable, fragmentTable, exportTable, idTable, xattrTable } = superblock;
  const inodes = new MetadataReader(file, decoder, {
    name: 'inode table',
    start: inodeTable,
    end: directoryTable,
    capacity: INODE_BLOCKS,
  });
  const directories = new MetadataReader(file, decoder, {
    name: 'directory table',
    start: directoryTable,
    end: fragmentTable ?? exportTable ?? idTable,
    capacity: DIRECTORY_BLOCKS,
  });
  const ids = new LookupTable(file, decoder, {
    name: 'id table',
    count: superblock.idCount,
    entrySize: 4,
    start: exportTable ?? fragmentTable ?? directoryTable,
    list: idTable,
    end: xattrTable ?? superblock.bytesUsed,
  });
  const fragments =
    fragmentTable === undefined
      ? undefined
      : new LookupTable(file, decoder, {
          name: 'fragment table',
          count: superblock.fragmentCount,
          entrySize: 16,
          start: directoryTable,
          list: fragmentTable,
          end: exportTable ?? idTable,
        });
  let attributes: Promise<XattrReader> | undefined;
  const inodeReader = new InodeReader({
    superblock,
    inodes,
    directories,
    ids,
    xattrs: async (number) => {
      if (xattrTable === undefined || number === NO_XATTR) return NO_XATTRS;
      attributes ??= XattrReader.open(file, decoder, superblock, xattrTable);
      return (await attributes).set(number);
    },
  });
  if (superblock.rootInode >= 2n ** 48n) {
    throw new FormatError('the reference of the root inode is impossible', SUPERBLOCK.rootInode);
  }
  const root = await inodeReader.read(Number(superblock.rootInode));
  if (root.type !== 'directory') {
    throw new FormatError(`the root is a ${root.type}`, SUPERBLOCK.rootInode);
  }
  return new SquashfsSource({
    file,
    superblock,
    decoder,
    threads,
    inodes,
    directories,
    fragments,
    inodeReader,
    root,
    facts: superblockFacts(superblock, compression),
  });
}
