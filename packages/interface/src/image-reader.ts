import { type ByteString, displayPath } from './byte-string.ts';
import type { ContentChunk } from './content.ts';
import { OcirenderError } from './errors.ts';
import type { Xattrs } from './metadata.ts';
import type { ImageNode, ImageSource, ReadOptions } from './reader.ts';

/** Symbolic links that one path may lead through, as in Linux (path_resolution(7)). */
const MAX_SYMLINKS = 40;

/** One name of a directory. */
export interface ListedName {
  readonly name: ByteString;
  readonly node: ImageNode;
}

/** One name of an image, as {@link ImageReader.walk} visits it. */
export interface WalkedName {
  /** Path from the root without a leading slash; empty for the root. */
  readonly path: ByteString;
  readonly node: ImageNode;
  /** Why the names in this directory are not known, where whoever walks goes on without them. */
  readonly unreadable?: string;
}

/** Whether the last component of a path is followed when it is a symbolic link. */
export interface FollowOption {
  /** @defaultValue false */
  readonly follow?: boolean;
}

/**
 * Reads an image by path names. Paths are byte strings, relative to the image's root; symbolic links are followed
 * inside the image only, as under `chroot`.
 */
export class ImageReader {
  readonly source: ImageSource;

  /**
   * @param source - an open image; {@link ImageReader.close} closes it
   */
  constructor(source: ImageSource) {
    this.source = source;
  }

  /**
   * Lists a directory.
   *
   * @param path - a directory, or a symbolic link to one
   * @returns its names in bytewise order
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` when there is no such directory
   */
  async list(path: ByteString): Promise<ListedName[]> {
    const node = await this.stat(path, { follow: true });
    if (node.type !== 'directory') throw wrongKind(path, node, 'a directory');
    return (await this.source.children(node)).map(([name, child]) => ({ name, node: child }));
  }

  /**
   * Gives the inode of a name.
   *
   * @param path - any path
   * @param options - whether a symbolic link at its end is followed
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` or `ERR_OCIRENDER_SYMLINK_LOOP`
   */
  async stat(path: ByteString, options: FollowOption = {}): Promise<ImageNode> {
    const ancestors: ImageNode[] = [];
    const pending = components(path).reverse();
    let links = 0;
    let node = this.source.root;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '..') {
        node = ancestors.pop() ?? this.source.root;
        continue;
      }
      if (node.type !== 'directory') throw notFound(path);
      const child = await this.source.lookup(node, name);
      if (child === undefined) throw notFound(path);
      if (child.type !== 'symlink' || (pending.length === 0 && options.follow !== true)) {
        ancestors.push(node);
        node = child;
        continue;
      }
      links++;
      if (links > MAX_SYMLINKS) {
        throw new OcirenderError(
          'ERR_OCIRENDER_SYMLINK_LOOP',
          `${displayPath(path)}: more than ${MAX_SYMLINKS} symbolic links on the way`,
        );
      }
      if (child.target.startsWith('/')) {
        ancestors.length = 0;
        node = this.source.root;
      }
      pending.push(...components(child.target).reverse());
    }
    return node;
  }

  /**
   * Gives the target of a symbolic link, byte for byte.
   *
   * @param path - a symbolic link
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` when there is no such link
   */
  async readlink(path: ByteString): Promise<ByteString> {
    const node = await this.stat(path);
    if (node.type !== 'symlink') throw wrongKind(path, node, 'a symbolic link');
    return node.target;
  }

  /**
   * Reads a file.
   *
   * @param path - a regular file, or a symbolic link to one
   * @param options - which bytes
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` when there is no such file
   */
  async *read(path: ByteString, options: ReadOptions = {}): AsyncGenerator<ContentChunk> {
    const node = await this.stat(path, { follow: true });
    if (node.type !== 'file') throw wrongKind(path, node, 'a regular file');
    yield* this.source.content(node, options);
  }

  /**
   * Gives extended attributes by full name.
   *
   * @param path - any path; a symbolic link at its end is not followed
   */
  async xattrs(path: ByteString): Promise<Xattrs> {
    return (await this.stat(path)).xattrs;
  }

  /** Visits every name: a directory before its children, siblings in bytewise order, the root first. */
  async *walk(): AsyncGenerator<WalkedName> {
    yield { path: '', node: this.source.root };
    const stack = [{ prefix: '', names: await this.source.children(this.source.root), next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const pair = top.names[top.next++];
      if (pair === undefined) {
        stack.pop();
        continue;
      }
      const [name, node] = pair;
      const path = top.prefix + name;
      yield { path, node };
      if (node.type === 'directory') {
        stack.push({ prefix: `${path}/`, names: await this.source.children(node), next: 0 });
      }
    }
  }

  /** Closes the image. */
  async close(): Promise<void> {
    await this.source.close();
  }
}

function components(path: ByteString): ByteString[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function notFound(path: ByteString): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${displayPath(path)}: no such name in the image`);
}

function wrongKind(path: ByteString, node: ImageNode, wanted: string): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_NOT_FOUND',
    `${path === '' ? '/' : displayPath(path)} is not ${wanted}: it is a ${node.type}`,
  );
}
