import { FingerprintIndex } from '@ocirender/block-pipeline';
import { OutputFile } from '@ocirender/image-file';
import type { Content, ContentInfo, ContentRef, DiagnosticHandler, Tree } from '@ocirender/interface';
import { CompressedContentWriter } from './compressed-content-writer.ts';
import {
  ALGORITHM,
  type CodecSpec,
  type Compression,
  encodeCompressorConfig,
  planCompression,
} from './compression.ts';
import { ContentTable } from './content-table.ts';
import { ContentWriter } from './content-writer.ts';
import { DataWriter } from './data-writer.ts';
import { EXTENDED_INODE_SIZE, INCOMPAT, MAX_BLOCKS, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE } from './format.ts';
import { chooseUuid, parseLabel } from './identity.ts';
import { SegmentWriter } from './segment-writer.ts';
import { encodeSuperblock } from './superblock.ts';
import { TailStore } from './tail-store.ts';
import { TreePlan } from './tree-plan.ts';
import { TreeWriter } from './tree-writer.ts';
import { imageTooLarge } from './unrepresentable.ts';
import { workName } from './work-name.ts';
import { XattrTable } from './xattr-table.ts';

/** How an image is to be written. */
export interface ErofsWriterOptions {
  /** Bytes, a power of two from 512 to 4096. @defaultValue `4096` */
  readonly blockSize?: number | undefined;
  /** Store equal pieces of data once, and whole zero pieces not at all. @defaultValue `true` */
  readonly dedupe?: boolean | undefined;
  /** Volume label, at most 15 bytes. @defaultValue `''` */
  readonly label?: string | undefined;
  /** UUID of the volume. The default is derived from `seed`. */
  readonly uuid?: string | undefined;
  /** What the UUID is derived from. @defaultValue the empty string */
  readonly seed?: string | undefined;
  /** The superblock's time in seconds since the epoch. The default is the time that most files have. */
  readonly time?: number | undefined;
  /** @defaultValue `'none'` */
  readonly compression?: Compression | undefined;
  /** Compression level; the default is the compressor's: lz4hc 9, deflate 6, zstd 3. lz4 has none. */
  readonly level?: number | undefined;
  /** Most bytes of a compressed cluster, a power of two from 4096 to 1048576. @defaultValue `65536` */
  readonly clusterSize?: number | undefined;
  /** Worker threads that compress, at least 1; the image does not depend on it. @defaultValue `1` */
  readonly threads?: number | undefined;
  /** Hears of what EROFS cannot hold. */
  readonly diagnose?: DiagnosticHandler | undefined;
}

/** What an image turned out to be. */
export interface ErofsSummary {
  /** Size of the file in bytes. */
  readonly bytesWritten: number;
  readonly inodes: number;
  /** Files in several places: with holes, or with pieces that other files have too. */
  readonly chunkFiles: number;
  /** Files that are compressed. */
  readonly compressedFiles: number;
  /** Bytes that were not stored, for they were there already, or zero. */
  readonly bytesSaved: number;
}

/**
 * Writes an EROFS image: contents as they come, then the tree.
 *
 * Calls are made one at a time; after an error only {@link ErofsWriter.abort} is left to call.
 */
export class ErofsWriter {
  readonly #file: OutputFile;
  readonly #tails: TailStore;
  readonly #options: ErofsWriterOptions;
  readonly #blockSize: number;
  readonly #headBlock: number;
  readonly #label: Uint8Array;
  readonly #uuid: Uint8Array;
  readonly #contents = new ContentTable();
  readonly #data: DataWriter;
  readonly #writers: readonly ContentWriter[];
  readonly #codec: CodecSpec | undefined;
  readonly #segments: SegmentWriter | undefined;
  readonly #compressed: CompressedContentWriter | undefined;

  /**
   * Creates the image file.
   *
   * @param path - where; must not exist
   * @param options - see {@link ErofsWriterOptions}
   * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` or `ERR_OCIRENDER_IO`
   */
  constructor(path: string, options: ErofsWriterOptions = {}) {
    this.#options = options;
    this.#blockSize = options.blockSize ?? 4096;
    this.#label = parseLabel(options.label ?? '');
    this.#uuid = chooseUuid(options.uuid, options.seed ?? '');
    this.#headBlock = Math.floor(SUPERBLOCK_OFFSET / this.#blockSize);
    const { compression = 'none', level, clusterSize = 65_536, threads = 1 } = options;
    this.#codec = planCompression(compression, level, clusterSize, this.#blockSize);
    this.#file = new OutputFile(path);
    this.#tails = new TailStore(`${path}.tails`);
    this.#data = new DataWriter(this.#file, (this.#headBlock + 1) * this.#blockSize);
    const duplicates = options.dedupe === false ? {} : { duplicates: new FingerprintIndex() };
    const maxTail = this.#blockSize - EXTENDED_INODE_SIZE;
    const [contents, data, tails] = [this.#contents, this.#data, this.#tails];
    const newWriter = (): ContentWriter =>
      new ContentWriter({ blockSize: this.#blockSize, contents, data, tails, maxTail, ...duplicates });
    const plain = newWriter();
    this.#writers = [plain];
    if (this.#codec === undefined) return;
    const fallback = newWriter();
    this.#writers = [plain, fallback];
    const segments = new SegmentWriter({ codec: this.#codec, threads, contents, data, plain: fallback });
    this.#segments = segments;
    this.#compressed = new CompressedContentWriter({ contents, segments, plain, smallest: maxTail });
  }

  /** Names what is made of contents, if they are compressed; see `SinkSession.work`. */
  get work(): string | undefined {
    return this.#codec === undefined ? undefined : workName(this.#codec);
  }

  /**
   * Stores one file's contents.
   *
   * @param content - all bytes, or a stream of bytes and holes
   * @param info - size and path
   * @returns the number under which the tree refers to it
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the size is not as announced, `ERR_OCIRENDER_IO`
   */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    this.#data.check();
    if (this.#compressed !== undefined) return this.#compressed.write(content, info);
    return (this.#writers[0] as ContentWriter).write(content, info.size, info.placement.path, info.extents);
  }

  /**
   * Writes the tree and completes the file.
   *
   * @param tree - the final tree
   * @returns what was written
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_EROFS_*` for what EROFS cannot hold, `ERR_OCIRENDER_IO`
   */
  async finish(tree: Tree): Promise<ErofsSummary> {
    this.#data.check();
    await this.#segments?.settle();
    await this.#segments?.end();
    const blockSize = this.#blockSize;
    const compressorConfig =
      this.#codec === undefined ? new Uint8Array(0) : encodeCompressorConfig(this.#codec);
    const xattrs = new XattrTable();
    const { time } = this.#options;
    const plan = new TreePlan(tree, {
      blockSize,
      contents: this.#contents,
      xattrs,
      headFree: blockSize - (SUPERBLOCK_OFFSET % blockSize) - SUPERBLOCK_SIZE - compressorConfig.length,
      firstBlock: this.#data.position / blockSize,
      epoch: time === undefined ? undefined : { seconds: time, nanoseconds: 0 },
      diagnose: this.#options.diagnose ?? ((): void => {}),
    });
    const writer = new TreeWriter(plan, {
      blockSize,
      contents: this.#contents,
      tails: this.#tails,
      xattrs,
      data: this.#data,
      headBlock: this.#headBlock,
      codec: this.#codec,
    });
    const head = new Uint8Array((this.#headBlock + 1) * blockSize);
    const { xattrBlock, rootNid, blocks } = await writer.write(head.subarray(this.#headBlock * blockSize));
    if (blocks > MAX_BLOCKS) throw imageTooLarge(blockSize);
    await this.#data.flush();
    encodeSuperblock(
      {
        blockSize,
        rootNid,
        inodes: plan.inodes.length,
        epoch: plan.epoch,
        blocks,
        xattrBlock,
        uuid: this.#uuid,
        label: this.#label,
        features:
          (plan.chunkFiles > 0 ? INCOMPAT.chunkedFile : 0) |
          (this.#codec === undefined ? 0 : INCOMPAT.zeroPadding | INCOMPAT.compressionConfigs),
        algorithms: this.#codec === undefined ? 0 : 1 << ALGORITHM[this.#codec.kind],
        compressorConfig,
      },
      head,
    );
    await this.#file.write(head, 0);
    this.#file.resize(blocks * blockSize);
    await this.#file.close();
    await this.#tails.close();
    return {
      bytesWritten: blocks * blockSize,
      inodes: plan.inodes.length,
      chunkFiles: plan.chunkFiles,
      compressedFiles: plan.compressedFiles,
      bytesSaved: this.#writers.reduce((sum, { saved }) => sum + saved, 0),
    };
  }

  /** Makes every waiting and later call throw `error`. */
  fail(error: unknown): void {
    this.#data.fail(error);
    this.#segments?.fail(error);
  }

  /**
   * Stops and closes the file; never throws.
   *
   * @param reason - why
   */
  async abort(reason: unknown): Promise<void> {
    this.fail(reason);
    await this.#segments?.end();
    await this.#file.close().catch(() => {});
    await this.#tails.close().catch(() => {});
  }
}
