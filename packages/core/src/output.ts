import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OcirenderError, type Output, type OutputKind } from '@ocirender/interface';
import { ioError } from './io-error.ts';
import { removeTree } from './remove-tree.ts';

/**
 * A place to write that becomes visible only when it is complete: the sink writes to a temporary name beside the
 * target, `commit` syncs and renames it, `discard` removes it. A crash leaves the old file or nothing.
 */
export class PathOutput {
  /** The path that the user asked for. */
  readonly target: string;
  readonly #kind: 'file' | 'directory';
  readonly #force: boolean;
  #temporary: string | undefined;

  private constructor(target: string, kind: 'file' | 'directory', force: boolean) {
    this.target = target;
    this.#kind = kind;
    this.#force = force;
  }

  /**
   * Checks that a target can be written.
   *
   * @param target - path of the output
   * @param kind - what the sink will make
   * @param force - whether an existing output may be replaced
   * @returns the output; nothing is on disk yet
   * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS`, or `ERR_OCIRENDER_IO` when its directory is missing
   */
  static async prepare(target: string, kind: 'file' | 'directory', force: boolean): Promise<PathOutput> {
    const path = resolve(target);
    const existing = await lstat(path).catch(absent);
    if (existing !== undefined) {
      if (!force) {
        throw new OcirenderError('ERR_OCIRENDER_OUTPUT_EXISTS', `the output "${target}" exists`, {
          hint: 'Choose another name, or replace it with --force.',
        });
      }
      if (existing.isDirectory() !== (kind === 'directory')) {
        throw new OcirenderError(
          'ERR_OCIRENDER_OUTPUT_EXISTS',
          `the output "${target}" exists and is ${existing.isDirectory() ? 'a directory' : 'not a directory'}`,
          { hint: `The sink writes a ${kind}; remove what is there first.` },
        );
      }
    }
    const parent = await lstat(dirname(path)).catch(absent);
    if (parent === undefined) {
      throw new OcirenderError(
        'ERR_OCIRENDER_IO',
        `the directory "${dirname(path)}" of the output does not exist`,
        {
          hint: 'Create it first.',
        },
      );
    }
    return new PathOutput(path, kind, force);
  }

  /**
   * Gives a fresh temporary name, having removed what an earlier session left.
   *
   * @returns where the sink writes
   */
  async begin(): Promise<Output> {
    await this.discard();
    this.#temporary = besides(this.target, 'tmp');
    return { kind: this.#kind, path: this.#temporary };
  }

  /**
   * Makes the output visible under its name.
   *
   * @param sidecars - endings of files beside it that belong to it
   * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS` when it came into being meanwhile, `ERR_OCIRENDER_IO`
   */
  async commit(sidecars: readonly string[] = []): Promise<void> {
    const temporary = this.#temporary;
    if (temporary === undefined) throw new TypeError('commit() before begin()');
    try {
      for (const ending of ['', ...sidecars]) await sync(temporary + ending);
      if (!this.#force && (await lstat(this.target).catch(absent)) !== undefined) {
        throw new OcirenderError(
          'ERR_OCIRENDER_OUTPUT_EXISTS',
          `the output "${this.target}" has come into being meanwhile`,
        );
      }
      for (const ending of sidecars) await rename(temporary + ending, this.target + ending);
      await this.#replace(temporary);
      await sync(dirname(this.target));
    } catch (error) {
      throw ioError(error, `cannot put the output in place at "${this.target}"`);
    }
    this.#temporary = undefined;
  }

  /** Removes what was written under the temporary name. Never throws. */
  async discard(): Promise<void> {
    const temporary = this.#temporary;
    this.#temporary = undefined;
    if (temporary === undefined) return;
    // The name is ours alone, so whatever begins with it is ours too: the output and what the sink put beside it.
    const names = await readdir(dirname(temporary)).catch((): string[] => []);
    for (const name of names.filter((name) => name.startsWith(basename(temporary)))) {
      await removeTree(join(dirname(temporary), name)).catch(() => undefined);
    }
  }

  async #replace(temporary: string): Promise<void> {
    if (this.#kind === 'file') {
      await rename(temporary, this.target);
      return;
    }
    // A directory cannot be renamed over one that is not empty: the old one steps aside first.
    const old = besides(this.target, 'old');
    const had = await rename(this.target, old).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    try {
      await rename(temporary, this.target);
    } catch (error) {
      if (had) await rename(old, this.target);
      throw error;
    }
    if (had) await removeTree(old);
  }
}

/**
 * Chooses the kind of output for a sink.
 *
 * @param outputs - what the sink can write to
 * @param given - what the user gave: a path, a stream, or nothing
 * @param sink - its name, for messages
 * @returns the kind
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the sink cannot write to it
 */
export function outputKind(
  outputs: readonly OutputKind[],
  given: 'path' | 'stream' | 'nothing',
  sink: string,
): OutputKind {
  const fitting: Record<typeof given, readonly OutputKind[]> = {
    path: ['file', 'directory'],
    stream: ['stream'],
    nothing: ['none'],
  };
  const kind = outputs.find((output) => fitting[given].includes(output));
  if (kind !== undefined) return kind;
  const problem = {
    path: 'writes no file or directory',
    stream: 'cannot write to a pipe',
    nothing: 'needs an output',
  }[given];
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `the sink ${sink} ${problem}`, {
    hint: given === 'path' ? 'Leave --output out.' : 'Name a path with --output.',
  });
}

function besides(target: string, ending: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.${ending}`);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw ioError(error, 'cannot look at the output');
}
