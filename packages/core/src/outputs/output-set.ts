import { chmod, chown, lstat, readdir, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  OcirenderError,
  type Output,
  type SinkReport,
  syncDirectory,
  throwIfAborted,
} from '@ocirender/interface';
import { ioError } from '../io-error.ts';
import type { OutputPlan, PlannedOutput } from './plan-outputs.ts';
import { removeTree } from './remove-tree.ts';
import { Replacement } from './replacement.ts';
import { syncFile, syncTree } from './sync.ts';
import { LOST_AND_FOUND } from './target.ts';
import { temporaryName } from './temporary-name.ts';
import { WriteBehind } from './write-behind.ts';

/**
 * All outputs of a run, which become visible together when they are complete: what a sink makes, what it puts beside that,
 * and the image's config are written under temporary names; `commit` syncs and renames them, `discard` removes them.
 */
export class OutputSet {
  readonly #plan: OutputPlan;
  #main: string | undefined;
  #config: string | undefined;
  #behind: WriteBehind | undefined;
  /** Whether a directory that was there is being filled. */
  #filling = false;

  /** @param plan - all places, looked at */
  constructor(plan: OutputPlan) {
    this.#plan = plan;
  }

  /**
   * Writes the config under a temporary name.
   *
   * @param bytes - the image's config
   * @throws {OcirenderError} `ERR_OCIRENDER_IO`
   */
  async writeConfig(bytes: Uint8Array): Promise<void> {
    const { config } = this.#plan;
    if (config === undefined) return;
    this.#config = temporaryName(config.target, 'tmp', config.room);
    try {
      await writeFile(this.#config, bytes, { flag: 'wx' });
    } catch (error) {
      throw ioError(error, 'cannot write the image config');
    }
  }

  /**
   * Gives the sink a place to write, having removed what an earlier session left.
   *
   * @returns where the sink writes; undefined when it makes no file or directory
   */
  async begin(): Promise<Output | undefined> {
    const { main } = this.#plan;
    if (main === undefined || main.way === 'stream') return undefined;
    await this.#discardMain(main);
    this.#main = temporaryName(main.target, 'tmp', main.room);
    this.#filling = main.way === 'fill';
    const { kind } = main;
    if (kind === 'file') this.#behind = new WriteBehind(this.#main);
    return { kind, path: this.#main, ...(this.#filling ? { into: main.target } : {}) };
  }

  /**
   * Makes everything durable and visible, or nothing.
   *
   * @param report - what the sink says of its output
   * @param signal - looked at until there is no way back
   * @param onCommitted - called when there is none any more: what follows only removes what was replaced
   * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS` when something came into being meanwhile, `ERR_OCIRENDER_IO`,
   * `ERR_OCIRENDER_ABORTED`; all is as it was then, but for what `discard` removes
   */
  async commit(
    report: Pick<SinkReport, 'sidecars' | 'durable'>,
    signal: AbortSignal | undefined,
    onCommitted: () => void,
  ): Promise<void> {
    const steps: Replacement[] = [];
    try {
      await this.#sync(report);
      throwIfAborted(signal);
      for (const request of await this.#requests(report.sidecars ?? [])) {
        const step = new Replacement(request);
        steps.unshift(step);
        await step.apply();
      }
      for (const directory of this.#directories()) await syncDirectory(directory);
      throwIfAborted(signal);
    } catch (error) {
      for (const step of steps) await step.undo();
      throw withHint(ioError(error, `cannot put the output in place at "${this.#name}"`));
    }
    this.#main = undefined;
    this.#config = undefined;
    onCommitted();
    for (const step of steps) await step.settle();
  }

  /** Removes what was written and is not in place. Never throws. */
  async discard(): Promise<void> {
    const { main } = this.#plan;
    if (main !== undefined) await this.#discardMain(main);
    const config = this.#config;
    this.#config = undefined;
    if (config !== undefined) await removeTree(config).catch(() => undefined);
  }

  async #discardMain(main: PlannedOutput): Promise<void> {
    const temporary = this.#main;
    this.#main = undefined;
    if (temporary === undefined) return;
    await this.#behind?.end().catch(() => undefined);
    // The name is ours alone, so whatever begins with it is ours too: the output and what the sink put beside it.
    const names = await readdir(dirname(temporary)).catch((): string[] => []);
    for (const name of names.filter((name) => name.startsWith(basename(temporary)))) {
      await removeTree(join(dirname(temporary), name)).catch(() => undefined);
    }
    if (this.#filling) await emptyAgain(main);
  }

  /** Brings to the disk what has to be there before it gets its name. */
  async #sync({ sidecars = [], durable = false }: Pick<SinkReport, 'sidecars' | 'durable'>): Promise<void> {
    const { main } = this.#plan;
    await this.#behind?.end();
    if (this.#main !== undefined && main?.kind === 'file') await syncFile(this.#main);
    if (this.#main !== undefined && main?.kind === 'directory' && !durable) {
      await syncTree(this.#filling ? main.target : this.#main);
    }
    for (const ending of sidecars) await syncFile(this.#main + ending);
    if (this.#config !== undefined) await syncFile(this.#config);
  }

  /** Everything that is to be renamed, the sink's own output last: who sees that one finds the others. */
  async #requests(written: readonly string[]): Promise<ConstructorParameters<typeof Replacement>[0][]> {
    const { main, sidecars, config } = this.#plan;
    const requests: ConstructorParameters<typeof Replacement>[0][] = [];
    if (config !== undefined) requests.push({ ...config, temporary: this.#config });
    if (main === undefined || this.#main === undefined) return requests;
    for (const ending of written) {
      const sidecar = sidecars.get(ending);
      if (sidecar === undefined) {
        throw new OcirenderError(
          'ERR_OCIRENDER_USAGE',
          `there is no name for "${main.target}${ending}": it is too long, or the sink did not announce it`,
          { hint: 'Give the output a shorter name.' },
        );
      }
      requests.push({ ...sidecar, temporary: this.#main + ending });
    }
    // One of an older output would say something wrong of this one.
    for (const [ending, sidecar] of sidecars) {
      if (!written.includes(ending) && sidecar.found.kind !== 'nothing') {
        requests.push({ ...sidecar, temporary: undefined });
      }
    }
    if (this.#filling) await requireFilled(main, this.#main);
    else requests.push({ ...main, temporary: this.#main });
    return requests;
  }

  get #name(): string | undefined {
    const { main, config } = this.#plan;
    return (main ?? config)?.target;
  }

  #directories(): Set<string> {
    const { main, sidecars, config } = this.#plan;
    const planned = [config, ...(this.#main === undefined ? [] : [main, ...sidecars.values()])];
    return new Set(planned.flatMap((output) => (output === undefined ? [] : [dirname(output.target)])));
  }
}

/** Mount points that `/proc` does not tell of, and directories of an overlay's lower layers, cannot be renamed. */
function withHint(error: OcirenderError): OcirenderError {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (error.hint !== undefined || (code !== 'EBUSY' && code !== 'EXDEV')) return error;
  return new OcirenderError(error.code, error.message, {
    cause: error.cause,
    hint: 'What is there cannot be renamed. Choose another name, or empty the directory: it is filled then.',
  });
}

/** A sink that knows nothing of `into` has made a directory of its own. */
async function requireFilled({ target }: PlannedOutput, temporary: string): Promise<void> {
  if ((await lstat(temporary).catch(() => undefined)) === undefined) return;
  throw new OcirenderError(
    'ERR_OCIRENDER_OUTPUT_EXISTS',
    `the output "${target}" exists, and the sink can only make a new directory`,
    { hint: 'Remove the directory first.' },
  );
}

/** Takes out what was written to a directory that was there, and gives it back its mode, owner and times. */
async function emptyAgain({ target, found }: PlannedOutput): Promise<void> {
  if (found.kind !== 'directory') return;
  const { mode, uid, gid, atime, mtime } = found.stats;
  // The image's root may have a mode that keeps out its owner.
  await chmod(target, (mode & 0o7777) | 0o700).catch(() => undefined);
  const pending = await readdir(target).catch((): string[] => []);
  for (const name of pending) {
    const path = join(target, name);
    if (name !== LOST_AND_FOUND) await removeTree(path).catch(() => undefined);
    else pending.push(...(await readdir(path).catch((): string[] => [])).map((below) => join(name, below)));
  }
  await chown(target, uid, gid).catch(() => undefined);
  await chmod(target, mode & 0o7777).catch(() => undefined);
  await utimes(target, atime, mtime).catch(() => undefined);
}
