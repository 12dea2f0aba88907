import { closeSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import {
  abortedError,
  type Content,
  type ContentInfo,
  type ContentRef,
  OcirenderError,
  type SinkContext,
  type SinkReport,
  type SinkSession,
  type Tree,
  throwIfAborted,
} from '@ocirender/interface';
import { OPEN_DIRECTORY } from './format.ts';
import { type Libc, loadLibc } from './libc.ts';
import { MetadataWriter } from './metadata.ts';
import { MTREE, mtreeLines } from './mtree.ts';
import { Shortfall } from './shortfall.ts';
import { Staging } from './staging.ts';
import { syncFilesystem } from './sync-filesystem.ts';
import { TreeWriter } from './tree-writer.ts';

/** Characters gathered before a write to the mtree file. */
const MTREE_BATCH = 256 * 1024;

/** Begins a session: makes the output directory, private to its owner until it is complete. */
export async function openSession(context: SinkContext): Promise<SinkSession> {
  const { output } = context;
  if (output.kind !== 'directory') {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `the sink dir writes directories, not to a ${output.kind}`,
    );
  }
  const libc = await loadLibc();
  throwIfAborted(context.signal);
  const root = output.into === undefined ? makeRoot(output.path) : openRoot(output.into);
  try {
    // What the parent directory's default ACL would give to everything below.
    for (const name of ['system.posix_acl_default', 'system.posix_acl_access']) libc.fremovexattr(root, name);
    return new DirSession(libc, root, output.path, context);
  } catch (error) {
    closeSync(root);
    // What is in it by now is for the caller to remove, and so is one that was there.
    if (output.into === undefined) tryRemove(output.path);
    throw error;
  }
}

function tryRemove(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty any more.
  }
}

function openRoot(path: string): number {
  try {
    return openSync(path, OPEN_DIRECTORY);
  } catch (error) {
    throw new OcirenderError('ERR_OCIRENDER_IO', `${path} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function makeRoot(path: string): number {
  try {
    mkdirSync(path, 0o700);
    return openSync(path, OPEN_DIRECTORY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new OcirenderError('ERR_OCIRENDER_OUTPUT_EXISTS', `${path} exists already`, { cause: error });
    }
    throw new OcirenderError('ERR_OCIRENDER_IO', `${path} cannot be made: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

class DirSession implements SinkSession {
  readonly placement = 'any';
  readonly #libc: Libc;
  readonly #root: number;
  readonly #path: string;
  readonly #context: SinkContext;
  readonly #shortfall = new Shortfall();
  readonly #metadata: MetadataWriter;
  readonly #staging: Staging;
  #writer: TreeWriter | undefined;
  #mtree: FileHandle | undefined;
  #ended: Promise<void> | undefined;
  #abortReason: unknown;
  #aborted = false;

  constructor(libc: Libc, root: number, path: string, context: SinkContext) {
    this.#libc = libc;
    this.#root = root;
    this.#path = path;
    this.#context = context;
    this.#metadata = new MetadataWriter(libc, this.#shortfall, root);
    this.#staging = new Staging(libc, this.#metadata, root);
  }

  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    this.#checkAborted();
    return this.#staging.write(content, info);
  }

  async finish(tree: Tree): Promise<SinkReport> {
    this.#checkAborted();
    const writer = new TreeWriter(
      {
        libc: this.#libc,
        metadata: this.#metadata,
        shortfall: this.#shortfall,
        staging: this.#staging,
        root: this.#root,
        fills: this.#context.output.kind === 'directory' && this.#context.output.into !== undefined,
        lenient: this.#context.lenient ?? false,
        diagnose: this.#context.diagnose,
        checkAborted: () => this.#checkAborted(),
      },
      tree,
    );
    this.#writer = writer;
    await writer.writeNames();
    await this.#staging.remove(() => this.#checkAborted());
    // Before modes that make the directory hard to remove, since this can fail for want of space.
    const known = !this.#shortfall.isEmpty;
    if (known) await this.#writeMtree(tree);
    await writer.finishDirectories();
    const late = !known && !this.#shortfall.isEmpty;
    if (late) await this.#writeMtree(tree);
    await syncFilesystem(this.#libc, this.#root);
    this.#checkAborted();
    await this.#end();
    this.#shortfall.report(this.#context.diagnose);
    return {
      bytesWritten: this.#staging.bytesWritten,
      details: { entries: writer.entries, mtree: known || late, ...this.#shortfall.details() },
      ...(known || late ? { sidecars: [MTREE] } : {}),
      durable: true,
    };
  }

  async abort(reason: unknown): Promise<void> {
    this.#aborted = true;
    this.#abortReason = reason;
    await this.#end();
  }

  #checkAborted(): void {
    if (this.#aborted) throw abortedError(this.#abortReason);
    throwIfAborted(this.#context.signal);
  }

  async #writeMtree(tree: Tree): Promise<void> {
    const path = this.#path + MTREE;
    try {
      const file = await open(path, 'wx', 0o644);
      this.#mtree = file;
      let batch = '';
      for (const line of mtreeLines(tree)) {
        batch += line;
        if (batch.length < MTREE_BATCH) continue;
        this.#checkAborted();
        await file.writeFile(batch, 'latin1');
        batch = '';
      }
      await file.writeFile(batch, 'latin1');
      // Not left to the end: a filesystem that writes late may say only now that there is no room.
      this.#mtree = undefined;
      await file.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      throw new OcirenderError('ERR_OCIRENDER_IO', `${path} cannot be written: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      await this.#mtree?.close().catch(() => {});
      this.#mtree = undefined;
    }
  }

  /** Closes everything, once. */
  #end(): Promise<void> {
    this.#ended ??= (async () => {
      this.#writer?.close();
      await this.#staging.close();
      // Nothing was written through it.
      this.#libc.close(this.#root);
    })();
    return this.#ended;
  }
}
