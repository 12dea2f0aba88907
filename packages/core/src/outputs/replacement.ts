import { link, lstat, rename, rm } from 'node:fs/promises';
import { OcirenderError } from '@ocirender/interface';
import { removeTree } from './remove-tree.ts';
import { temporaryName } from './temporary-name.ts';

/** What is to happen to one name. */
export interface ReplacementRequest {
  readonly target: string;
  /** What takes its place; undefined when what is there shall go. */
  readonly temporary: string | undefined;
  readonly kind: 'file' | 'directory';
  /** Whether what is there may be replaced. */
  readonly force: boolean;
}

/**
 * One name that gets something new, and can get the old back: a file's name is never without a file meanwhile, a directory's is
 * for the moment between two renames.
 */
export class Replacement {
  readonly #request: ReplacementRequest;
  #old: string | undefined;
  #placed = false;

  constructor(request: ReplacementRequest) {
    this.#request = request;
  }

  /**
   * Puts the new one in place; what was there steps aside.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS` when something has come into being meanwhile; system errors
   */
  async apply(): Promise<void> {
    const { target, temporary, kind, force } = this.#request;
    if (!force) {
      await placeAlone(temporary!, target, kind);
      this.#placed = true;
      return;
    }
    const old = temporaryName(target, 'old');
    const moved = await stepAside(target, old, kind === 'file' && temporary !== undefined);
    if (moved !== 'absent') this.#old = old;
    if (temporary === undefined) return;
    try {
      await rename(temporary, target);
    } catch (error) {
      // Two names of one file cannot be renamed to each other.
      if (moved === 'linked') await rm(old, { force: true });
      else if (moved === 'renamed') await rename(old, target);
      this.#old = undefined;
      throw error;
    }
    this.#placed = true;
  }

  /** Takes it all back. Never throws. */
  async undo(): Promise<void> {
    const { target, temporary, kind } = this.#request;
    const old = this.#old;
    if (this.#placed && (kind === 'directory' || old === undefined)) {
      await rename(target, temporary!).catch(() => undefined);
    }
    if (old !== undefined) await rename(old, target).catch(() => undefined);
    this.#old = undefined;
    this.#placed = false;
  }

  /** Removes what was replaced: there is no way back then. Never throws; what cannot be removed stays for the next run. */
  async settle(): Promise<void> {
    const old = this.#old;
    this.#old = undefined;
    if (old !== undefined) await removeTree(old).catch(() => undefined);
  }
}

/** What rename says when another run was faster by a moment. */
const OCCUPIED: ReadonlySet<string | undefined> = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR']);

/** Gives a name to what has none yet under it; for a file, in one step. */
async function placeAlone(temporary: string, target: string, kind: 'file' | 'directory'): Promise<void> {
  const exists = (): OcirenderError =>
    new OcirenderError('ERR_OCIRENDER_OUTPUT_EXISTS', `the output "${target}" has come into being meanwhile`);
  if (kind === 'file') {
    try {
      await link(temporary, target);
      await rm(temporary);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists();
      // A filesystem without hard links: then it takes two steps.
    }
  }
  if (!(await isAbsent(target))) throw exists();
  try {
    await rename(temporary, target);
  } catch (error) {
    throw OCCUPIED.has((error as NodeJS.ErrnoException).code) ? exists() : error;
  }
}

/** Lets what is there step aside: a file gets a second name, anything else another one. */
async function stepAside(
  target: string,
  old: string,
  asLink: boolean,
): Promise<'absent' | 'linked' | 'renamed'> {
  if (asLink) {
    try {
      await link(target, old);
      return 'linked';
    } catch {
      // No hard links here, or not to a file of somebody else's.
    }
  }
  try {
    await rename(target, old);
    return 'renamed';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    throw error;
  }
}

/**
 * @param path - what to look for
 * @returns whether nothing is there
 * @throws system errors
 */
export async function isAbsent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
