import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { syncDirectory } from '@ocirender/interface';

/** Part of every path: what a later version keeps in another form, or by members that it counts otherwise, goes elsewhere. */
const VERSION = 'v1';
/** Ending of the file whose length counts how often an entry was used, and whose time says when. */
const USES = '.uses';
/** Beginning of files that are being written. */
const TEMPORARY = '.tmp-';
/** A file that is being written longer than that was left by a process that died, in milliseconds. */
const ABANDONED = 24 * 60 * 60 * 1000;

/** What an entry is kept under. */
export interface EntryKey {
  /** What is kept: `headers`. */
  readonly kind: string;
  /** Digest of the uncompressed layer, `ALGORITHM:DIGITS`; checked by the caller. */
  readonly diffId: string;
  /** Which one, where there may be several of the kind: `squashfs-0123456789abcdef-0`. */
  readonly variant?: string;
}

/** An entry, seen from outside. */
export interface StoredEntry extends EntryKey {
  readonly path: string;
  readonly bytes: number;
  /** When it was written, milliseconds since the epoch. */
  readonly written: number;
  /** When it was written or used last, milliseconds since the epoch. */
  readonly lastUsed: number;
  /** How often it was used. */
  readonly uses: number;
}

/**
 * Files by kind and digest. Many processes may read, write and remove at once: a file appears whole, by renaming, and one that is
 * removed stays readable to who has it open.
 */
export class EntryStore {
  readonly #root: string;

  /** @param root - an existing directory that only its owner may write to */
  constructor(root: string) {
    this.#root = root;
  }

  /** Where an entry is, or would be. */
  path({ kind, diffId, variant }: EntryKey): string {
    const [algorithm, digits] = diffId.split(':') as [string, string];
    const name = variant === undefined ? digits : `${digits}.${variant}`;
    return join(this.#root, VERSION, kind, algorithm, digits.slice(0, 2), name);
  }

  /**
   * Makes a name under which an entry can be written before it is {@link publish}ed.
   *
   * @throws system errors
   */
  async temporaryPath(key: EntryKey): Promise<string> {
    const directory = dirname(this.path(key));
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return join(directory, TEMPORARY + randomBytes(8).toString('hex'));
  }

  /**
   * Gives an entry its name.
   *
   * @param temporary - where it is, whole and on the disk
   * @throws system errors
   */
  async publish(temporary: string, key: EntryKey): Promise<void> {
    const path = this.path(key);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  }

  /**
   * Reads an entry.
   *
   * @returns undefined when there is none, or it cannot be read
   */
  async read(key: EntryKey): Promise<Buffer | undefined> {
    return readFile(this.path(key)).catch(() => undefined);
  }

  /** Counts a use. A cache that cannot be written to can be used all the same. */
  async used(key: EntryKey): Promise<void> {
    await appendFile(this.path(key) + USES, '.', { mode: 0o600 }).catch(() => undefined);
  }

  /**
   * Writes an entry: under a temporary name, to the disk, and then under its own.
   *
   * @param pieces - of the file, in order
   * @throws system errors; nothing is left then
   */
  async write(key: EntryKey, pieces: readonly Buffer[]): Promise<void> {
    const temporary = await this.temporaryPath(key);
    try {
      await writeFile(temporary, pieces, { flag: 'wx', mode: 0o600, flush: true });
      await this.publish(temporary, key);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Removes an entry, if it is there. */
  async remove(key: EntryKey): Promise<void> {
    const path = this.path(key);
    await rm(path, { force: true });
    await rm(path + USES, { force: true });
  }

  /** Lists all entries, in no particular order, and removes what writers that died have left. */
  async list(): Promise<StoredEntry[]> {
    const top = join(this.#root, VERSION);
    let paths = [top];
    // Kinds, algorithms, first digits, files.
    for (let depth = 0; depth < 4; depth++) paths = (await Promise.all(paths.map(pathsIn))).flat();
    const entries: StoredEntry[] = [];
    for (const path of paths) {
      const [kind, algorithm, , name] = relative(top, path).split(sep) as [string, string, string, string];
      if (name.startsWith(TEMPORARY)) await removeAbandoned(path);
      else if (!name.endsWith(USES)) {
        const dot = name.indexOf('.');
        const digits = dot < 0 ? name : name.slice(0, dot);
        const variant = dot < 0 ? {} : { variant: name.slice(dot + 1) };
        const entry = await this.#look({ kind, diffId: `${algorithm}:${digits}`, ...variant }, path);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return entries;
  }

  async #look(key: EntryKey, path: string): Promise<StoredEntry | undefined> {
    const file = await stat(path).catch(() => undefined);
    // Removed meanwhile.
    if (file === undefined) return undefined;
    const uses = await stat(path + USES).catch(() => undefined);
    return {
      ...key,
      path,
      bytes: file.size,
      written: file.mtimeMs,
      lastUsed: Math.max(file.mtimeMs, uses?.mtimeMs ?? 0),
      uses: uses?.size ?? 0,
    };
  }
}

async function pathsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.sort().map((name) => join(directory, name));
}

async function removeAbandoned(path: string): Promise<void> {
  const file = await stat(path).catch(() => undefined);
  if (file !== undefined && Date.now() - file.mtimeMs > ABANDONED) await rm(path, { force: true });
}
