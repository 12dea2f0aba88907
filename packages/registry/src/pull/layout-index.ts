import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OcirenderError, type Platform, syncDirectory } from '@ocirender/interface';
import type { LayoutLimits } from '@ocirender/oci-layout';
import { parseDocument } from '@ocirender/oci-layout/documents';
import { ioError } from './blob-file.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const FULL_NAME = 'io.containerd.image.name';
const LAYOUT = { imageLayoutVersion: '1.0.0' };

/** What is entered into `index.json`. */
export interface LayoutEntry {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform: Platform | undefined;
  readonly tag: string | undefined;
  /** `docker.io/library/nginx:1.27` */
  readonly fullName: string | undefined;
}

/** A descriptor of `index.json` with whatever fields it has. */
type RawDescriptor = Record<string, unknown> & { annotations?: Record<string, string> };

/** The `index.json` of a layout; what it holds of other images is kept as it is. */
export class LayoutIndex {
  readonly #directory: string;
  readonly #json: Record<string, unknown> & { manifests: RawDescriptor[] };
  /** The first directory that had to be made for it. */
  readonly #made: string | undefined;

  private constructor(
    directory: string,
    json: Record<string, unknown> & { manifests: RawDescriptor[] },
    made?: string,
  ) {
    this.#directory = directory;
    this.#json = json;
    this.#made = made;
  }

  /**
   * Opens a layout, or begins one where there is nothing.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS` for a directory that holds something else,
   * `ERR_OCIRENDER_INVALID_IMAGE` for a malformed index, `ERR_OCIRENDER_IO`
   */
  static async open(directory: string, limits: LayoutLimits): Promise<LayoutIndex> {
    const index = await readIfThere(join(directory, 'index.json'));
    const layout = await readIfThere(join(directory, 'oci-layout'));
    if (index !== undefined) {
      const path = join(directory, 'index.json');
      if (parseDocument(index, path, undefined, limits).kind !== 'index') {
        throw new OcirenderError('ERR_OCIRENDER_INVALID_IMAGE', `${path} is a manifest, not an index`);
      }
      return new LayoutIndex(directory, JSON.parse(index.toString('utf8').replace(/^\ufeff/, '')));
    }
    const made = layout === undefined ? await requireEmpty(directory) : undefined;
    return new LayoutIndex(directory, { schemaVersion: 2, manifests: [] }, made);
  }

  /** Takes back the directories that were made, as far as nothing has come into them. */
  async giveUp(): Promise<void> {
    if (this.#made === undefined) return;
    const last = resolve(this.#made);
    for (let path = resolve(this.#directory); ; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch {
        return;
      }
      if (path === last) return;
    }
  }

  /**
   * Enters an image, in the place of what had its name before.
   *
   * @returns the names under which the layout holds it now
   */
  enter(entry: LayoutEntry): string[] {
    const { manifests } = this.#json;
    const { tag, fullName } = entry;
    const others = manifests.filter(({ digest, annotations = {} }) => {
      if (fullName !== undefined && annotations[FULL_NAME] === fullName) return false;
      const names = [annotations[FULL_NAME], annotations[REF_NAME]].filter((name) => name !== undefined);
      return digest !== entry.digest || names.length > 0;
    });
    // A short name belongs to whoever has it: two images named "latest" could not be told apart.
    const isTaken = others.some(({ annotations }) => annotations?.[REF_NAME] === tag);
    const annotations = {
      ...(fullName === undefined ? {} : { [FULL_NAME]: fullName }),
      ...(tag === undefined || isTaken ? {} : { [REF_NAME]: tag }),
    };
    const { mediaType, digest, size, platform } = entry;
    this.#json.manifests = [
      ...others,
      {
        mediaType,
        digest,
        size,
        ...(platform === undefined ? {} : { platform: platformFields(platform) }),
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      },
    ];
    return Object.values(annotations);
  }

  /** Writes `oci-layout` and `index.json`, each all or nothing; what they name is on the disk before them. */
  async write(): Promise<void> {
    // These directories may be new.
    for (const place of [join(this.#directory, 'blobs'), dirname(resolve(this.#directory))]) {
      await syncDirectory(place).catch((error: unknown) => {
        throw ioError(error, place, 'written');
      });
    }
    const layout = join(this.#directory, 'oci-layout');
    if ((await readIfThere(layout)) === undefined) await replaceFile(layout, JSON.stringify(LAYOUT));
    await replaceFile(join(this.#directory, 'index.json'), JSON.stringify(this.#json));
  }
}

function platformFields({ os, architecture, variant, osVersion }: Platform): Record<string, string> {
  return {
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
  };
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, path, 'read');
  }
}

/** A directory with other things in it is not ours to fill; one where a pull has been interrupted is. */
async function requireEmpty(directory: string): Promise<string | undefined> {
  try {
    const made = await mkdir(directory, { recursive: true });
    const names = await readdir(directory);
    const ours = ['blobs', temporaryName('index.json'), temporaryName('oci-layout')];
    if (names.every((name) => ours.includes(name))) return made;
  } catch (error) {
    throw ioError(error, directory, 'written');
  }
  throw new OcirenderError('ERR_OCIRENDER_OUTPUT_EXISTS', `${directory} is neither empty nor an OCI layout`, {
    hint: 'Name a directory that does not exist yet, or a layout.',
  });
}

function temporaryName(name: string): string {
  return `.${name}.tmp`;
}

/**
 * Replaces a file: a crash leaves the old or the new one, and perhaps a temporary one that the next pull (there is only one at a
 * time) writes over.
 */
async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    // What is there is removed first: it might be a symbolic link.
    await rm(temporary, { force: true });
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw ioError(error, path, 'written');
  }
}
