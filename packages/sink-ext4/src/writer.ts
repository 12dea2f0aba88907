import { setImmediate as turn } from 'node:timers/promises';
import { formatUuid, OutputFile, uuidFrom } from '@ocirender/image-file';
import type { Content, ContentInfo, ContentRef, DiagnosticHandler, Tree } from '@ocirender/interface';
import { BlockStream } from './block-stream.ts';
import { Checksums } from './checksums.ts';
import { Compactor } from './compact.ts';
import { ContentTable } from './content-table.ts';
import { ContentWriter } from './content-writer.ts';
import { MIN_JOURNAL_BLOCKS } from './format.ts';
import { Geometry } from './geometry.ts';
import { MetadataWriter } from './metadata-writer.ts';
import { invalid, MAX_LABEL } from './options.ts';
import { type Placement, placeAll } from './placement.ts';
import { SettledContents } from './settled-contents.ts';
import { type Amount, chooseSize, type Sizing } from './sizing.ts';
import { TreePlan } from './tree-plan.ts';

/** How a filesystem is to be written. */
export interface Ext4WriterOptions {
  /** Bytes of the file, rounded down to whole blocks; undefined: what the tree needs and `free`. */
  readonly size?: number | undefined;
  /** Free room: bytes, or a percentage of what the tree needs. @defaultValue none */
  readonly free?: Amount | undefined;
  /** The fewest inodes. @defaultValue those in use, and one for each 16 KiB of free room */
  readonly inodes?: number | undefined;
  /** Bytes of the filesystem for each of which there is an inode. */
  readonly inodeRatio?: number | undefined;
  /** Bytes: 1024, 2048 or 4096. @defaultValue `4096` */
  readonly blockSize?: number | undefined;
  /** At most 16 bytes of UTF-8. @defaultValue none */
  readonly label?: string | undefined;
  /** 16 bytes. @defaultValue one made from `seed` */
  readonly uuid?: Uint8Array | undefined;
  /** Bytes of the journal; 0 for none. @defaultValue `0` */
  readonly journalSize?: number | undefined;
  /** Room for root only: bytes, or a percentage of the filesystem. @defaultValue none */
  readonly reserved?: Amount | undefined;
  /** What identifiers are made from. @defaultValue the empty string */
  readonly seed?: string | undefined;
  /** Time of creation in seconds since the epoch. @defaultValue `0` */
  readonly time?: number | undefined;
  /** An inode with more names than ext4 counts becomes several with the same contents. @defaultValue `false` */
  readonly lenient?: boolean | undefined;
  /** Hears of what ext4 cannot hold. */
  readonly diagnose?: DiagnosticHandler | undefined;
  /** Blocks for group descriptors after each superblock; with more groups than they hold, `meta_bg` is used. */
  readonly descriptorBlocks?: number | undefined;
}

/** What a filesystem turned out to be. */
export interface Ext4Summary {
  /** Size of the file in bytes. */
  readonly bytesWritten: number;
  /** Bytes. */
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly inodes: number;
  readonly freeInodes: number;
  readonly uuid: string;
}

const NOTHING: Amount = { bytes: 0 };

/**
 * Writes an ext4 filesystem: contents as they come, then the tree.
 *
 * Calls are made one at a time; after an error only {@link Ext4Writer.abort} is left to call.
 */
export class Ext4Writer {
  readonly #options: Ext4WriterOptions;
  readonly #geometry: Geometry;
  readonly #label: Uint8Array;
  readonly #journalBlocks: number;
  readonly #file: OutputFile;
  readonly #contents = new ContentTable();
  readonly #stream: BlockStream;
  readonly #writer: ContentWriter;
  readonly #dataStart: number;

  /**
   * Creates the file.
   *
   * @param path - where; must not exist
   * @param options - see {@link Ext4WriterOptions}
   * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` or `ERR_OCIRENDER_IO`
   */
  constructor(path: string, options: Ext4WriterOptions = {}) {
    this.#options = options;
    const blockSize = options.blockSize ?? 4096;
    this.#label = Buffer.from(options.label ?? '', 'utf8');
    if (this.#label.length > MAX_LABEL || this.#label.includes(0))
      throw invalid('label', `${JSON.stringify(options.label)} is not at most ${MAX_LABEL} bytes of text`);
    this.#journalBlocks = Math.floor((options.journalSize ?? 0) / blockSize);
    if ((options.journalSize ?? 0) > 0 && this.#journalBlocks < MIN_JOURNAL_BLOCKS)
      throw invalid('journal', `a journal has at least ${MIN_JOURNAL_BLOCKS * blockSize} bytes`);
    this.#geometry = new Geometry(blockSize, descriptorBlocks(options, blockSize));
    this.#file = new OutputFile(path);
    const run = this.#geometry.nextRun(this.#geometry.firstBlock);
    this.#dataStart = run.start;
    this.#stream = new BlockStream(this.#file, run.start * blockSize);
    this.#writer = new ContentWriter(this.#geometry, this.#contents, this.#stream, run);
  }

  /**
   * Stores one file's contents.
   *
   * @param content - all bytes, or a stream of bytes and holes
   * @param info - size and path
   * @returns the number under which the tree refers to it
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the size is not as announced, `ERR_OCIRENDER_IO`,
   * `ERR_OCIRENDER_SINK_EXT4_FILE_SIZE`
   */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    return this.#writer.write(content, info.size, info.placement.path);
  }

  /**
   * Writes the tree and completes the file.
   *
   * @param tree - the final tree
   * @returns what was written
   * @throws {OcirenderError} `ERR_OCIRENDER_SINK_EXT4_*` for what ext4 or the size cannot hold, `ERR_OCIRENDER_IO`
   */
  async finish(tree: Tree): Promise<Ext4Summary> {
    const { blockSize } = this.#geometry;
    const uuid = this.#options.uuid ?? uuidFrom(`ocirender ext4 ${this.#options.seed ?? ''}`);
    const hashSeed = numbersOf(uuidFrom(`ocirender ext4 directories ${formatUuid(uuid)}`));
    const checksums = new Checksums(uuid);
    const check = (): void => this.#stream.check();
    await this.#stream.drain();
    const plan = await TreePlan.of(tree, {
      blockSize,
      checksums,
      hashSeed,
      contents: this.#contents,
      lenient: this.#options.lenient ?? false,
      diagnose: this.#options.diagnose ?? ((): void => {}),
      check,
    });
    await turn();
    check();
    const contents = await this.#settleContents(plan);
    const { blocks, fit } = this.#chooseSize(plan, contents);
    // What stands behind the data now is nobody's.
    this.#file.resize(contents.end * blockSize);
    await turn();
    check();
    const metadata = new MetadataWriter({
      file: this.#file,
      stream: this.#stream,
      geometry: this.#geometry,
      checksums,
      plan,
      contents,
      placement: fit,
      blocks,
      journalBlocks: this.#journalBlocks,
      uuid,
      hashSeed,
      label: this.#label,
      time: Math.min(Math.max(this.#options.time ?? 0, 0), 2 ** 40 - 1),
      reserved: this.#options.reserved ?? NOTHING,
    });
    const { freeBlocks, freeInodes } = await metadata.write();
    const bytesWritten = this.#fileSize(blocks);
    this.#file.resize(bytesWritten);
    await this.#file.close();
    check();
    const inodes = fit.groups * fit.inodesPerGroup;
    return { bytesWritten, blockSize, blocks, freeBlocks, inodes, freeInodes, uuid: formatUuid(uuid) };
  }

  /**
   * Makes a pending or later call throw `reason`.
   *
   * @param reason - the error
   */
  fail(reason: unknown): void {
    this.#stream.fail(reason);
  }

  /**
   * Stops and closes the file, which the caller removes. Never throws.
   *
   * @param reason - what a pending call throws
   */
  async abort(reason: unknown): Promise<void> {
    this.#stream.fail(reason);
    // An error here says nothing new: the file is given up.
    await this.#file.close().catch(() => {});
  }

  /** Closes the gaps of contents that the tree does not need; finds out where the others are. */
  async #settleContents(plan: TreePlan): Promise<SettledContents> {
    const compactor = new Compactor({
      file: this.#file,
      geometry: this.#geometry,
      contents: this.#contents,
      start: this.#dataStart,
      end: this.#writer.end,
      check: () => this.#stream.check(),
    });
    const settled = new SettledContents(this.#contents, compactor, this.#geometry.blockSize);
    await settled.settle(plan.inodes);
    return settled;
  }

  /**
   * Bytes of the file. It has whole blocks: of a file that is no multiple of 512, virtual machines do not show the tail.
   */
  #fileSize(blocks: number): number {
    const { blockSize } = this.#geometry;
    const { size, diagnose } = this.#options;
    if (size === undefined) return blocks * blockSize;
    const whole = size - (size % blockSize);
    if (whole !== size) {
      const message = `the size ${size} is no multiple of the block size ${blockSize}: the file has ${whole} bytes`;
      diagnose?.({ code: 'size-rounded', message });
    }
    return whole;
  }

  #chooseSize(plan: TreePlan, contents: SettledContents): Sizing<Placement> {
    const { size, free = NOTHING, inodes, inodeRatio } = this.#options;
    const setup = {
      geometry: this.#geometry,
      inodes: plan.inodes,
      contents,
      journalBlocks: this.#journalBlocks,
    };
    return chooseSize(
      this.#geometry,
      { size, free, inodes, inodeRatio },
      plan.lastNumber,
      (groups, perGroup) => placeAll(setup, groups, perGroup),
    );
  }
}

/** Room for descriptors: that of a filesystem twice as large as asked for, where that is more than usual. */
function descriptorBlocks({ size, descriptorBlocks: given }: Ext4WriterOptions, blockSize: number): number {
  if (given !== undefined) return given;
  const usual = new Geometry(blockSize);
  const needed = Math.ceil(usual.groupCount((size ?? 0) / blockSize) / usual.descriptorsPerBlock);
  return Math.max(usual.descriptorBlocks, Math.min(2 * needed, needed + blockSize / 4));
}

function numbersOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * i, true));
}
