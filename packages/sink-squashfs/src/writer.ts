import { createRequire } from 'node:module';
import { OutputFile } from '@ocirender/image-file';
import type { Content, ContentInfo, ContentRef, DiagnosticHandler, Tree } from '@ocirender/interface';
import { BlockWriter } from './block-writer.ts';
import { createCodec } from './codec.ts';
import { type Compression, type CompressionPlan, planCompression } from './compression.ts';
import { ContentTable } from './content-table.ts';
import { ContentWriter } from './content-writer.ts';
import { COMPRESSOR, FLAG, METADATA_SIZE, PADDING } from './format.ts';
import { FragmentPacker } from './fragment-packer.ts';
import { FragmentTable } from './fragment-table.ts';
import { IdTable } from './id-table.ts';
import { KeptPieces } from './kept-pieces.ts';
import { pacedCodec } from './paced-codec.ts';
import { encodeSuperblock } from './superblock.ts';
import { TableFile } from './table-file.ts';
import { TreeWriter, type WrittenTree } from './tree-writer.ts';
import { workName } from './work-name.ts';
import { XattrTable } from './xattr-table.ts';

/** Archive members of a layer that share fragment blocks, unless it is told otherwise. */
const FRAGMENT_WINDOW = 1024;

/** How an image is to be written. */
export interface SquashfsWriterOptions {
  /** @defaultValue `'zstd'` */
  readonly compression?: Compression | undefined;
  /** Compression level; the default is the compressor's: zstd 3, gzip 6, xz 6. */
  readonly level?: number | undefined;
  /** Data block size in bytes, a power of two from 4096 to 1048576. @defaultValue `131072` */
  readonly blockSize?: number | undefined;
  /** Pack contents smaller than a block together. @defaultValue `true` */
  readonly fragments?: boolean | undefined;
  /** Pack the tails of larger contents too. @defaultValue `false` */
  readonly tailPacking?: boolean | undefined;
  /** Store equal contents once. @defaultValue `true` */
  readonly dedupe?: boolean | undefined;
  /** Write the table that NFS exports need. @defaultValue `true` */
  readonly exports?: boolean | undefined;
  /** Worker threads, at least 1; the image does not depend on it. @defaultValue `1` */
  readonly threads?: number | undefined;
  /**
   * Archive members of a layer that may share a fragment block: what a newer layer hides changes the blocks of one such window only,
   * so that those of the others can be kept. @defaultValue `1024`
   */
  readonly fragmentWindow?: number | undefined;
  /** Creation time of the image in seconds since the epoch. @defaultValue `0` */
  readonly time?: number | undefined;
  /** Hears of what squashfs cannot hold. */
  readonly diagnose?: DiagnosticHandler | undefined;
}

/** What an image turned out to be. */
export interface SquashfsSummary {
  /** Size of the file in bytes, padding included. */
  readonly bytesWritten: number;
  readonly inodes: number;
  /** Fragment blocks. */
  readonly fragments: number;
  /** Contents that were stored already. */
  readonly duplicates: number;
  /** Inodes whose time had a fraction of a second, which squashfs does not store. */
  readonly timesTruncated: number;
}

/**
 * Writes a squashfs 4.0 image: contents as they come, then the tree.
 *
 * Calls are made one at a time; after an error only {@link SquashfsWriter.abort} is left to call.
 */
export class SquashfsWriter {
  readonly #file: OutputFile;
  readonly #plan: CompressionPlan;
  readonly #options: SquashfsWriterOptions;
  readonly #blockSize: number;
  readonly #contents = new ContentTable();
  readonly #fragments = new FragmentTable();
  readonly #blocks: BlockWriter;
  readonly #packer: FragmentPacker;
  readonly #writer: ContentWriter;

  /**
   * Creates the image file.
   *
   * @param path - where; must not exist
   * @param options - see {@link SquashfsWriterOptions}
   * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` or `ERR_OCIRENDER_IO`
   */
  constructor(path: string, options: SquashfsWriterOptions = {}) {
    this.#options = options;
    this.#blockSize = options.blockSize ?? 131_072;
    this.#plan = planCompression(options.compression ?? 'zstd', options.level, this.#blockSize);
    this.#file = new OutputFile(path);
    const dedupe = options.dedupe ?? true;
    this.#blocks = new BlockWriter({
      file: this.#file,
      contents: this.#contents,
      fragments: this.#fragments,
      blockSize: this.#blockSize,
      codec: this.#plan.codec,
      threads: options.threads ?? 1,
      start: this.#plan.dataStart,
      dedupe,
    });
    const kept = new KeptPieces(this.#plan.compressorName, this.#blockSize);
    const { fragments = true, tailPacking = false, fragmentWindow = FRAGMENT_WINDOW } = options;
    this.#packer = new FragmentPacker(this.#blocks, kept, {
      blockSize: this.#blockSize,
      window: fragmentWindow,
      dedupe,
    });
    this.#writer = new ContentWriter({
      blockSize: this.#blockSize,
      fragments,
      tailPacking,
      contents: this.#contents,
      blocks: this.#blocks,
      packer: this.#packer,
      kept,
    });
  }

  /** Names what is made of contents; see `SinkSession.work`. */
  get work(): string | undefined {
    const options = this.#options;
    const {
      fragments = true,
      fragmentWindow = FRAGMENT_WINDOW,
      tailPacking = false,
      dedupe = true,
    } = options;
    return workName({ codec: this.#plan.codec, fragments, fragmentWindow, tailPacking, dedupe });
  }

  /**
   * Stores one file's contents.
   *
   * @param content - all bytes, or a stream of bytes and holes
   * @param info - size and path
   * @returns the number under which the tree refers to it
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the size is not as announced, `ERR_OCIRENDER_IO`,
   * `ERR_OCIRENDER_SINK_SQUASHFS_COMPRESSOR`
   */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    return this.#writer.write(content, info);
  }

  /**
   * Writes the tree and completes the file.
   *
   * @param tree - the final tree
   * @returns what was written
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_SQUASHFS_*` for what squashfs cannot hold, `ERR_OCIRENDER_IO`
   */
  async finish(tree: Tree): Promise<SquashfsSummary> {
    await this.#packer.finish();
    const end = await this.#blocks.finish();
    const spec = { ...this.#plan.codec, blockSize: Math.max(this.#blockSize, METADATA_SIZE) };
    const check = (): void => this.#blocks.check();
    const codec = pacedCodec(createCodec(spec, createRequire(import.meta.url)), check);
    const ids = new IdTable();
    const xattrs = new XattrTable();
    const diagnose = this.#options.diagnose ?? ((): void => {});
    const treeWriter = new TreeWriter({ codec, contents: this.#contents, ids, xattrs, diagnose, check });
    const written = await treeWriter.write(tree);

    const tables = new TableFile(this.#file, codec, end);
    const inodeTable = await tables.blocks(written.inodes);
    const directoryTable = await tables.blocks(written.directories);
    const fragments = this.#fragments.count;
    const fragmentTable = fragments === 0 ? undefined : await tables.lookup(this.#fragments.encode());
    const exportTable =
      this.#options.exports === false ? undefined : await tables.lookup(encodeRefs(written));
    const idTable = await tables.lookup(ids.encode());
    const xattrTable = await xattrs.write(tables, codec);
    const bytesUsed = tables.position;
    const superblock = encodeSuperblock({
      inodeCount: written.refs.length,
      modificationTime: Math.min(Math.max(this.#options.time ?? 0, 0), 0xffff_ffff),
      blockSize: this.#blockSize,
      compressor: COMPRESSOR[this.#plan.compressorName],
      flags: this.#flags(xattrTable !== undefined),
      fragmentCount: fragments,
      idCount: ids.count,
      rootInode: BigInt(written.root),
      bytesUsed,
      idTable,
      xattrTable,
      inodeTable,
      directoryTable,
      fragmentTable,
      exportTable,
    });
    if (this.#plan.options.length > 0) await this.#file.write(this.#plan.options, superblock.length);
    await this.#file.write(superblock, 0);
    const bytesWritten = Math.ceil(bytesUsed / PADDING) * PADDING;
    // What was taken back may still stand behind the end; the padding is zeros.
    this.#file.resize(bytesUsed);
    this.#file.resize(bytesWritten);
    await this.#file.close();
    return {
      bytesWritten,
      inodes: written.refs.length,
      fragments,
      duplicates: this.#blocks.duplicates + this.#packer.shared,
      timesTruncated: written.timesTruncated,
    };
  }

  /**
   * Makes a pending or later call throw `reason`.
   *
   * @param reason - the error
   */
  fail(reason: unknown): void {
    this.#blocks.fail(reason);
    this.#file.fail(reason);
  }

  /**
   * Stops: ends the threads and closes the file, which the caller removes. Never throws.
   *
   * @param reason - what a pending call throws
   */
  async abort(reason: unknown): Promise<void> {
    await this.#blocks.abort(reason).catch(() => {});
    // An error here says nothing new: the file is given up.
    await this.#file.close().catch(() => {});
  }

  #flags(hasXattrs: boolean): number {
    const { fragments = true, tailPacking = false, dedupe = true, exports = true } = this.#options;
    return (
      this.#plan.flags |
      (fragments ? 0 : FLAG.noFragments) |
      (fragments && tailPacking ? FLAG.alwaysFragments : 0) |
      (dedupe ? FLAG.deduplicated : 0) |
      (exports ? FLAG.exportable : 0) |
      (hasXattrs ? 0 : FLAG.noXattrs)
    );
  }
}

/** Encodes the export table: where each inode is (format.adoc, "Export Table"). */
function encodeRefs({ refs }: WrittenTree): Uint8Array {
  const bytes = new Uint8Array(8 * refs.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < refs.length; i++) view.setBigUint64(8 * i, BigInt(refs[i] as number), true);
  return bytes;
}
