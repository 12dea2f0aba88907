import { type ByteString, displayPath, isOcirenderError, OcirenderError } from '@ocirender/interface';
import type { DirectoryNode, TreeNode } from './nodes.ts';

/** As many symbolic links as containerd follows on the way to one path. */
const MAX_SYMLINKS = 255;

/** Components of all targets that are followed on the way to one path: PATH_MAX for names of one byte. */
const MAX_TARGET_COMPONENTS = 4096;

/** Where a path leads, symbolic links on the way followed inside the root. */
export interface Resolution {
  /** The deepest directory that exists on the way. */
  readonly directory: DirectoryNode;
  /** Number of components of that directory's own path. */
  readonly depth: number;
  /** Components below `directory` that are missing, outermost first; empty when all exist. */
  readonly rest: readonly ByteString[];
  /** What stands in the way in `directory`: neither a directory nor a link that could be followed. */
  readonly obstacle: { readonly name: ByteString; readonly node: TreeNode } | undefined;
  /** Number of links followed. */
  readonly followed: number;
}

/**
 * Resolves a directory's path as a process chrooted into the tree would: links are followed, absolute targets begin
 * at the root, `..` stops at the root.
 *
 * @param root - of the tree
 * @param path - canonical path of a directory
 * @param enter - asked before each link is followed; false stops there, with the link as obstacle
 * @returns how far it exists
 * @throws {OcirenderError} `ERR_OCIRENDER_SYMLINK_LOOP` beyond 255 links, or 4,096 components of their targets
 */
export function resolveDirectory(
  root: DirectoryNode,
  path: ByteString,
  enter: (link: ByteString) => boolean = follow,
): Resolution {
  // Components still to come, the next one last.
  const pending = path === '' ? [] : path.split('/').reverse();
  const directories: DirectoryNode[] = [root];
  // Below something missing there is nothing to look up: `..` takes the missing component back.
  const rest: ByteString[] = [];
  let followed = 0;
  let targetComponents = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (rest.pop() === undefined && directories.length > 1) directories.pop();
      continue;
    }
    if (rest.length > 0) {
      rest.push(name);
      continue;
    }
    const directory = directories.at(-1)!;
    const child = directory.children.get(name);
    if (child?.type === 'directory') {
      directories.push(child);
    } else if (child?.type === 'symlink' && enter(name)) {
      const target = child.target.split('/');
      targetComponents += target.length;
      if (++followed > MAX_SYMLINKS || targetComponents > MAX_TARGET_COMPONENTS) {
        throw new OcirenderError(
          'ERR_OCIRENDER_SYMLINK_LOOP',
          `too many symbolic links on the way to "${displayPath(path)}"`,
        );
      }
      if (child.target.startsWith('/')) directories.length = 1;
      pending.push(...target.reverse());
    } else if (child === undefined) {
      rest.push(name);
    } else {
      const depth = directories.length - 1;
      return { directory, depth, rest, obstacle: { name, node: child }, followed };
    }
  }
  return {
    directory: directories.at(-1)!,
    depth: directories.length - 1,
    rest,
    obstacle: undefined,
    followed,
  };
}

/**
 * Looks a directory up without making anything.
 *
 * @param root - of the tree
 * @param path - canonical path of a directory
 * @returns the directory, links on the way followed inside the root; undefined when there is none
 */
export function findDirectory(root: DirectoryNode, path: ByteString): DirectoryNode | undefined {
  try {
    const { directory, rest, obstacle } = resolveDirectory(root, path);
    return rest.length === 0 && obstacle === undefined ? directory : undefined;
  } catch (error) {
    if (isOcirenderError(error) && error.code === 'ERR_OCIRENDER_SYMLINK_LOOP') return undefined;
    throw error;
  }
}

function follow(): boolean {
  return true;
}
