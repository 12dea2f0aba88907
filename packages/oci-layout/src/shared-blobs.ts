import type { FileTree, OpenFile } from './file-tree.ts';

const BLOBS = 'blobs/';

/**
 * A layout whose blobs lie in a directory that several layouts share, as `ALGORITHM/DIGITS`. What is not there is looked
 * for in the layout itself.
 *
 * @see https://github.com/containers/skopeo/blob/v1.9.3/docs/skopeo-copy.1.md "--src-shared-blob-dir"
 */
export class SharedBlobs implements FileTree {
  readonly label: string;
  readonly #layout: FileTree;
  readonly #blobs: FileTree;

  /**
   * @param layout - `index.json`, `oci-layout` and perhaps some blobs
   * @param blobs - the shared directory
   */
  constructor(layout: FileTree, blobs: FileTree) {
    this.label = layout.label;
    this.#layout = layout;
    this.#blobs = blobs;
  }

  locate(name: string): string {
    const shared = sharedName(name);
    return shared === undefined ? this.#layout.locate(name) : this.#blobs.locate(shared);
  }

  async exists(name: string): Promise<boolean> {
    const shared = sharedName(name);
    return (shared !== undefined && (await this.#blobs.exists(shared))) || this.#layout.exists(name);
  }

  async open(name: string, what: string): Promise<OpenFile> {
    const shared = sharedName(name);
    if (shared === undefined) return this.#layout.open(name, what);
    const isOnlyHere = !(await this.#blobs.exists(shared)) && (await this.#layout.exists(name));
    return isOnlyHere ? this.#layout.open(name, what) : this.#blobs.open(shared, what);
  }
}

function sharedName(name: string): string | undefined {
  return name.startsWith(BLOBS) ? name.slice(BLOBS.length) : undefined;
}
