import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { isOcirenderError, LimitError, OcirenderError } from '@ocirender/interface';

/** Layers of one image. */
const MAX_LAYERS = 4096;
/** Bytes of a file `lower`: Docker's own are below a page. */
const MAX_LOWER = 512 * 1024;

/** One layer of Docker's storage. */
export interface StoredDiff {
  /** The directory that holds what the layer changes. */
  readonly path: string;
  /** The name of the directory above it: Docker's own id of the layer. */
  readonly id: string;
}

/**
 * Finds the layers of a directory of Docker's overlay2 storage.
 *
 * @param directory - `/var/lib/docker/overlay2/ID`
 * @returns its own `diff` and those that its file `lower` names, oldest first
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_INVALID_IMAGE`, `ERR_OCIRENDER_PATH_ESCAPE`,
 * `ERR_OCIRENDER_IO`
 */
export async function readOverlay2Chain(directory: string): Promise<StoredDiff[]> {
  const top = await resolved(directory, 'the layer');
  const root = dirname(top);
  const chain = [await diffOf(join(top, 'diff'), root, directory)];
  for (const entry of await readLower(top)) {
    if (!/^l\/[A-Za-z0-9]{1,128}$/.test(entry)) {
      throw new OcirenderError(
        'ERR_OCIRENDER_INVALID_IMAGE',
        `${directory}/lower: ${JSON.stringify(entry.slice(0, 100))} is not of the form l/SHORT`,
      );
    }
    chain.push(await diffOf(join(root, entry), root, directory));
    if (chain.length > MAX_LAYERS)
      throw new LimitError('overlay2Layers', MAX_LAYERS, `${directory} has too many layers`, {
        hint: 'Docker itself stacks no more than 128.',
      });
  }
  return chain.reverse();
}

async function readLower(top: string): Promise<string[]> {
  const path = join(top, 'lower');
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    // The oldest layer has none.
    if (error.code === 'ENOENT') return undefined;
    throw systemError(error, path);
  });
  if (stats === undefined) return [];
  if (!stats.isFile() || stats.size > MAX_LOWER) {
    throw new OcirenderError('ERR_OCIRENDER_INVALID_IMAGE', `${path} is not a list of layers`);
  }
  const text = (
    await readFile(path, 'latin1').catch((error: unknown) => Promise.reject(systemError(error, path)))
  ).trim();
  return text === '' ? [] : text.split(':');
}

/** Links stay in the storage: `l/SHORT` leads to `../ID/diff`. */
async function diffOf(path: string, root: string, directory: string): Promise<StoredDiff> {
  const real = await resolved(path, `a layer of ${directory}`);
  const [id, name, ...rest] = relative(root, real).split(sep);
  if (id === undefined || id === '' || id === '..' || name !== 'diff' || rest.length > 0) {
    throw new OcirenderError(
      'ERR_OCIRENDER_PATH_ESCAPE',
      `${path} leads to ${real}, which is no layer of ${root}`,
    );
  }
  return { path: real, id: basename(id) };
}

async function resolved(path: string, what: string): Promise<string> {
  try {
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return real;
    throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${what} is not a directory: ${path}`);
  } catch (error) {
    throw systemError(error, path);
  }
}

function systemError(error: unknown, path: string): OcirenderError {
  if (isOcirenderError(error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `there is no ${path}`, {
      cause: error,
      hint: "Docker's overlay2 storage is /var/lib/docker/overlay2: docker image inspect shows an image's directory (GraphDriver.Data.UpperDir, without its /diff).",
    });
  }
  return new OcirenderError('ERR_OCIRENDER_IO', `${path} cannot be read: ${message}`, {
    cause: error,
    ...(code === 'EACCES' || code === 'EPERM' ? { hint: "Docker's storage is readable for root only." } : {}),
  });
}
