import {
  bytesToByteString,
  type Content,
  type ContentInfo,
  isHole,
  type SinkSession,
  type Tree,
  walkTree,
} from '@ocirender/interface';
import { ContentText } from './content-text.ts';
import type { ModelTree } from './model.ts';

/** Keeps contents in memory; as an inline sink it checks that each one ends up where it was placed. */
export class MemorySession implements SinkSession {
  readonly placement: 'any' | 'inline';
  readonly contents: string[] = [];
  readonly placed: string[] = [];
  tree: Tree | undefined;
  aborted = 0;

  constructor(placement: 'any' | 'inline' = 'any') {
    this.placement = placement;
  }

  async write(content: Content, info: ContentInfo): Promise<number> {
    const text = new ContentText();
    let size = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      if (isHole(chunk)) text.skip(chunk.hole);
      else text.add(bytesToByteString(chunk));
      size += isHole(chunk) ? chunk.hole : chunk.length;
    }
    if (size !== info.size) throw new Error(`content of ${size} bytes announced as ${info.size}`);
    this.placed.push(info.placement.path);
    return this.contents.push(text.end()) - 1;
  }

  async finish(tree: Tree): Promise<{ bytesWritten: number; details: Record<string, never> }> {
    this.tree = tree;
    return { bytesWritten: 0, details: {} };
  }

  async abort(): Promise<void> {
    this.aborted++;
  }
}

/** One line a path: everything that can be seen, link groups by their first name. */
export function listTree(tree: Tree, contents: readonly string[]): string[] {
  const first = new Map<unknown, string>();
  const lines: string[] = [];
  for (const { path, inode } of walkTree(tree)) {
    if (!first.has(inode)) first.set(inode, path);
    const data = inode.type !== 'file' ? '' : inode.content === undefined ? '' : contents[inode.content];
    const target = inode.type === 'symlink' ? inode.target : '';
    const dev = 'devMajor' in inode ? `${inode.devMajor}:${inode.devMinor}` : '';
    const xattrs = [...inode.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
    lines.push(
      line(path, inode.type, inode, Object.fromEntries(xattrs), data, target, dev, first.get(inode)!),
    );
  }
  return lines;
}

/** The model's tree in the same form. */
export function listModel(tree: ModelTree): string[] {
  const first = new Map<unknown, string>();
  const paths = [...tree.keys()].sort((a, b) => (walkKey(a) < walkKey(b) ? -1 : 1));
  return paths.map((path) => {
    const inode = tree.get(path)!;
    if (!first.has(inode)) first.set(inode, path);
    return line(
      path,
      inode.type,
      inode,
      inode.xattrs,
      inode.data,
      inode.target,
      inode.dev,
      first.get(inode)!,
    );
  });
}

function walkKey(path: string): string {
  return path.replaceAll('/', '\0');
}

function line(
  path: string,
  type: string,
  meta: { mode: number; uid: number; gid: number; mtime: number; mtimeNs: number },
  xattrs: Record<string, string | undefined>,
  data: string | undefined,
  target: string,
  dev: string,
  group: string,
): string {
  const { mode, uid, gid, mtime, mtimeNs } = meta;
  const sorted = Object.entries(xattrs).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    path,
    type,
    mode.toString(8),
    uid,
    gid,
    mtime,
    mtimeNs,
    sorted,
    data,
    target,
    dev,
    group,
  ]);
}
