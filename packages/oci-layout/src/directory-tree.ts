import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { OcirenderError } from '@ocirender/interface';
import type { FileTree, OpenFile } from './file-tree.ts';
import { openRegular, readChunks, readError } from './read-file.ts';

/** The files of a directory. Nothing outside of it is read. */
export class DirectoryTree implements FileTree {
  readonly label: string;
  readonly #root: string;

  /**
   * @param label - the path that the user gave
   * @param root - the same with symbolic links resolved
   */
  constructor(label: string, root: string) {
    this.label = label;
    this.#root = root;
  }

  locate(name: string): string {
    return join(this.label, name);
  }

  async exists(name: string): Promise<boolean> {
    try {
      await stat(join(this.#root, name));
      return true;
    } catch {
      return false;
    }
  }

  async open(name: string, what: string): Promise<OpenFile> {
    const path = await this.#resolve(this.locate(name), what);
    const { handle, size } = await openRegular(path, what);
    return {
      size,
      read: async (buffer, position) => {
        try {
          return (await handle.read(buffer, 0, buffer.length, position)).bytesRead;
        } catch (error) {
          throw readError(error, path, what);
        }
      },
      chunks: (signal) => readChunks(handle, path, what, signal),
      close: () => handle.close(),
      fd: handle.fd,
      position: 0,
    };
  }

  /** Resolves symbolic links and makes sure that the file is within the directory. */
  async #resolve(path: string, what: string): Promise<string> {
    let real: string;
    try {
      real = await realpath(path);
    } catch (error) {
      throw readError(error, path, what);
    }
    const inside = relative(this.#root, real);
    if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
      throw new OcirenderError(
        'ERR_OCIRENDER_PATH_ESCAPE',
        `${what}: ${path} is a link to ${real}, outside ${this.label}`,
        {
          hint: `Only files within the image directory are read: copy it with its links followed (cp -rL ${this.label} COPY)${/[\\/]blobs[\\/]/.test(path) ? ', or name the directory that holds the blobs (--shared-blobs, option sharedBlobs)' : ''}.`,
        },
      );
    }
    return real;
  }
}
