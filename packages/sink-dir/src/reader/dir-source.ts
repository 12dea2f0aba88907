import { type BigIntStats, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import {
  type ByteString,
  type ContentChunk,
  type ImageNode,
  type ImageSource,
  NO_XATTRS,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  type TimeRange,
} from '@ocirender/interface';
import { S_IFMT } from '../format.ts';
import { DirNode } from './dir-node.ts';
import { FileContents } from './file-contents.ts';
import { InodeIds } from './inode-ids.ts';
import { withPath } from './long-path.ts';
import { readError } from './read-error.ts';
import { Turns } from './turns.ts';
import type { ReadXattrs } from './xattr-reader.ts';

const S_IFLNK = 0o120000;

/**
 * A directory tree. Nothing is opened but directories and regular files, no symbolic link is followed, other file
 * systems that are mounted in it are part of it.
 */
export class DirSource implements ImageSource {
  readonly format = 'dir';
  readonly facts: ImageSource['facts'];
  readonly times: TimeRange = { stepNs: 1 };
  readonly randomAccess = true;
  readonly root: DirNode;
  readonly #path: string;
  readonly #ids: InodeIds;
  readonly #readXattrs: ReadXattrs | undefined;
  readonly #turns = new Turns();

  /**
   * @param path - of a directory, or a symbolic link to one
   * @param readXattrs - undefined where attributes cannot be read
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when there is no such directory
   */
  constructor(path: string, readXattrs: ReadXattrs | undefined) {
    // With a slash at its end a symbolic link is the directory that it leads to.
    this.#path = path.endsWith('/') ? path : `${path}/`;
    this.#readXattrs = readXattrs;
    try {
      if (path === '') throw new Error('the path is empty');
      const stats = statSync(this.#path, { bigint: true });
      this.#ids = new InodeIds(stats.dev);
      this.root = withPath(this.#path, '', (bytes, terminated) => this.#node('', stats, bytes, terminated));
    } catch (error) {
      throw new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.facts = { path, xattrs: readXattrs !== undefined, isRoot: process.geteuid?.() === 0 };
  }

  async children(directory: ImageNode): Promise<[ByteString, DirNode][]> {
    const { path } = asDirectory(directory);
    const names = this.#names(directory, path);
    const children: [ByteString, DirNode][] = [];
    for (const name of names) {
      if (this.#turns.isOver) await this.#turns.pass();
      const child = `${path}/${name}`;
      try {
        children.push([name, this.#lstat(child)]);
      } catch (error) {
        throw readError(error, child);
      }
    }
    return children;
  }

  async lookup(directory: ImageNode, name: ByteString): Promise<DirNode | undefined> {
    const { path } = asDirectory(directory);
    if (name === '' || name.includes('\0') || name.includes('/')) return undefined;
    const child = `${path}/${name}`;
    try {
      return this.#lstat(child);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENAMETOOLONG') return undefined;
      throw readError(error, child);
    }
  }

  content(file: ImageNode, options: ReadOptions = {}): AsyncIterable<ContentChunk> {
    const node = asFile(file);
    const { start = 0, end = node.size, signal } = options;
    return new FileContents(this.#path, signal).read(node, start, Math.min(end, node.size));
  }

  contents(
    files: Iterable<ImageNode>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<NodeContent> {
    const nodes = new Map<number, DirNode>();
    for (const file of files) nodes.set(file.id, asFile(file));
    return new FileContents(this.#path, signal).readAll(nodes.values());
  }

  async close(): Promise<void> {}

  #names(directory: ImageNode, path: ByteString): ByteString[] {
    try {
      return withPath(this.#path, path, (bytes) => {
        // readdir(3) would follow a link that has taken the directory's place.
        const stats = path === '' ? statSync(bytes, { bigint: true }) : lstatSync(bytes, { bigint: true });
        if (!stats.isDirectory() || this.#ids.id(stats.dev, stats.ino) !== directory.id) {
          throw new Error('it is no longer the directory that it was');
        }
        // One character for each byte.
        return readdirSync(bytes, { encoding: 'latin1' }).sort(bytewise);
      });
    } catch (error) {
      throw readError(error, path);
    }
  }

  #lstat(path: ByteString): DirNode {
    return withPath(this.#path, path, (bytes, terminated) =>
      this.#node(path, lstatSync(bytes, { bigint: true }), bytes, terminated),
    );
  }

  #node(path: ByteString, stats: BigIntStats, bytes: Buffer, terminated: Buffer): DirNode {
    const isLink = (Number(stats.mode) & S_IFMT) === S_IFLNK;
    const target = isLink ? readlinkSync(bytes, { encoding: 'latin1' }) : '';
    const xattrs = this.#readXattrs?.(terminated) ?? NO_XATTRS;
    return new DirNode(path, stats, this.#ids.id(stats.dev, stats.ino), target, xattrs);
  }
}

function bytewise(a: ByteString, b: ByteString): number {
  return a < b ? -1 : 1;
}

function asDirectory(node: ImageNode): DirNode {
  if (node instanceof DirNode && node.type === 'directory') return node;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `a ${node.type} is no directory of this tree`);
}

function asFile(node: ImageNode): DirNode {
  if (node instanceof DirNode && node.type === 'file') return node;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `a ${node.type} has no contents`);
}
