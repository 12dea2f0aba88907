/**
 * The reference model: applies whole layers oldest first to a plain map, in the most obvious way. Slow, test code only,
 * and written from the specification without any of the engine's code.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md
 */

import type { EntryType } from '@ocirender/interface';
import { ContentText } from './content-text.ts';

/** One archive member as the model sees it. */
export interface ModelEntry {
  path: string;
  type: EntryType;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  /** Name to value, one char a byte. */
  xattrs: Record<string, string>;
  /** Stored bytes of a file, one char each. */
  data: string;
  /** Of a sparse file: where the stored bytes belong, and the size with holes. */
  sparse?: { size: number; extents: { offset: number; length: number }[] };
  linkTarget: string;
  devMajor: number;
  devMinor: number;
}

/** An inode of the model: shared by reference between hard links. */
export interface ModelInode {
  type: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  xattrs: Record<string, string>;
  /** Content as {@link ContentText} spells it. */
  data: string;
  target: string;
  dev: string;
  layer: number;
}

/** The model's answer to an image that is an error. */
export class ModelError extends Error {}

class LoopError extends ModelError {}

/** Path to inode; the root is the empty path. */
export type ModelTree = Map<string, ModelInode>;

/** Switches of the model, as the engine's policy. */
export interface ModelOptions {
  lenient?: boolean;
}

/** Merges layers, oldest first. */
export function mergeModel(
  layers: readonly (readonly ModelEntry[])[],
  options: ModelOptions = {},
): ModelTree {
  const tree: ModelTree = new Map([['', directory(-1)]]);
  for (const [index, layer] of layers.entries()) new ModelLayer(tree, index, options).apply(layer);
  return tree;
}

function directory(layer: number): ModelInode {
  return {
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    xattrs: {},
    data: '',
    target: '',
    dev: '',
    layer,
  };
}

function contentOf({ data, sparse }: ModelEntry): string {
  const text = new ContentText();
  if (sparse === undefined) {
    text.add(data);
    return text.end();
  }
  let at = 0;
  let taken = 0;
  for (const { offset, length } of sparse.extents) {
    text.skip(offset - at);
    text.add(data.slice(taken, taken + length));
    taken += length;
    at = offset + length;
  }
  text.skip(sparse.size - at);
  return text.end();
}

function up(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function last(path: string): string {
  return path.split('/').at(-1)!;
}

function join(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

class ModelLayer {
  readonly tree: ModelTree;
  readonly layer: number;
  readonly lenient: boolean;

  constructor(tree: ModelTree, layer: number, options: ModelOptions) {
    this.tree = tree;
    this.layer = layer;
    this.lenient = options.lenient ?? false;
  }

  apply(entries: readonly ModelEntry[]): void {
    const before: ModelTree = new Map(this.tree);
    const clean = entries.map((entry) => ({
      ...entry,
      path: this.clean(entry.path),
      linkTarget: entry.type === 'hardlink' ? this.clean(entry.linkTarget) : entry.linkTarget,
    }));
    const members: typeof clean = [];
    const markers: { kind: 'whiteout' | 'opaque'; path: string }[] = [];
    for (const entry of clean) {
      if (
        entry.path
          .split('/')
          .slice(0, -1)
          .some((part) => part.startsWith('.wh..wh.'))
      )
        continue;
      const name = last(entry.path);
      if (name === '.wh..wh..opq') markers.push({ kind: 'opaque', path: up(entry.path) });
      else if (name.startsWith('.wh..wh.')) continue;
      else if (name.startsWith('.wh.')) {
        const hidden = name.slice(4);
        if (hidden === '' || hidden === '.' || hidden === '..') throw new ModelError('invalid whiteout');
        markers.push({ kind: 'whiteout', path: join(up(entry.path), hidden) });
      } else if (entry.type === 'character-device' && entry.devMajor === 0 && entry.devMinor === 0) {
        markers.push({ kind: 'whiteout', path: entry.path });
      } else members.push(entry);
    }
    const newDirectories = new Set(
      members
        .filter((entry) => entry.type === 'directory' && entry.path !== '')
        .filter((entry) => {
          const parent = this.existing(up(entry.path));
          return parent !== undefined && this.tree.get(join(parent, last(entry.path)))?.type === 'symlink';
        })
        .map((entry) => entry.path),
    );
    for (const marker of markers) this.mark(marker, newDirectories);
    let late: { entry: ModelEntry; at: number }[] = [];
    members.forEach((entry, at) => {
      if (entry.type !== 'hardlink') this.place(entry);
      else if (!this.link(entry, markers.length > 0 ? this.look(entry.linkTarget, before) : undefined))
        late.push({ entry, at });
    });
    for (let progress = true; progress && late.length > 0; ) {
      const still = late.filter(
        ({ entry, at }) =>
          !members.slice(at + 1).some((other) => other.path === entry.path) && !this.link(entry, undefined),
      );
      progress = still.length < late.length;
      late = still;
    }
    if (late.length > 0 && !this.lenient) throw new ModelError('hard link to nothing');
  }

  clean(path: string): string {
    const parts: string[] = [];
    for (const part of path.split('/')) {
      if (part === '..') {
        if (parts.length === 0 && !this.lenient) throw new ModelError('escape');
        parts.pop();
      } else if (part !== '' && part !== '.') parts.push(part);
    }
    return parts.join('/');
  }

  /** Real path of a directory path, links followed; `missing` holds what does not exist, `blocked` what is in the way. */
  resolve(path: string, tree: ModelTree): { real: string; missing: string[]; blocked: string | undefined } {
    let todo = path === '' ? [] : path.split('/');
    let real = '';
    const missing: string[] = [];
    for (let links = 0; todo.length > 0; ) {
      const [name, ...rest] = todo as [string, ...string[]];
      todo = rest;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (missing.length > 0) missing.pop();
        else real = up(real);
        continue;
      }
      if (missing.length > 0) {
        missing.push(name);
        continue;
      }
      const inode = tree.get(join(real, name));
      if (inode?.type === 'directory') real = join(real, name);
      else if (inode?.type === 'symlink') {
        if (++links > 255) throw new LoopError('loop');
        if (inode.target.startsWith('/')) real = '';
        todo = [...inode.target.split('/'), ...todo];
      } else if (inode === undefined) missing.push(name);
      else return { real, missing, blocked: join(real, name) };
    }
    return { real, missing, blocked: undefined };
  }

  existing(path: string, tree: ModelTree = this.tree): string | undefined {
    try {
      const { real, missing, blocked } = this.resolve(path, tree);
      return missing.length === 0 && blocked === undefined ? real : undefined;
    } catch (error) {
      if (error instanceof LoopError) return undefined;
      throw error;
    }
  }

  look(path: string, tree: ModelTree): ModelInode | undefined {
    if (path === '') return tree.get('');
    const parent = this.existing(up(path), tree);
    return parent === undefined ? undefined : tree.get(join(parent, last(path)));
  }

  remove(path: string): void {
    for (const key of this.tree.keys()) if (key === path || key.startsWith(`${path}/`)) this.tree.delete(key);
  }

  mark(marker: { kind: 'whiteout' | 'opaque'; path: string }, newDirectories: ReadonlySet<string>): void {
    const where = marker.kind === 'opaque' ? marker.path : up(marker.path);
    for (let at = where; at !== ''; at = up(at)) if (newDirectories.has(at)) return;
    const real = this.existing(where);
    if (real === undefined) return;
    if (marker.kind === 'whiteout') this.remove(join(real, last(marker.path)));
    else {
      for (const key of this.tree.keys()) {
        if (key !== '' && (real === '' || key.startsWith(`${real}/`))) this.tree.delete(key);
      }
    }
  }

  parent(path: string): string {
    for (;;) {
      const { real, missing, blocked } = this.resolve(up(path), this.tree);
      if (blocked !== undefined) {
        if (this.tree.get(blocked)!.layer === this.layer && !this.lenient)
          throw new ModelError('below a file');
        this.remove(blocked);
        continue;
      }
      let at = real;
      for (const name of missing) {
        at = join(at, name);
        this.tree.set(at, directory(this.layer));
      }
      return at;
    }
  }

  place(entry: ModelEntry): void {
    if (entry.path === '' && entry.type !== 'directory') throw new ModelError('the root is no directory');
    const at = entry.path === '' ? '' : join(this.parent(entry.path), last(entry.path));
    const old = this.tree.get(at);
    const { mode, uid, gid, mtime, mtimeNs } = entry;
    const inode: ModelInode = {
      type: entry.type,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      xattrs: { ...entry.xattrs },
      data: contentOf(entry),
      target: entry.type === 'symlink' ? entry.linkTarget : '',
      dev: entry.type.endsWith('device') ? `${entry.devMajor}:${entry.devMinor}` : '',
      layer: this.layer,
    };
    if (entry.type === 'symlink') inode.mode = 0o777;
    if (entry.type !== 'directory' || old?.type !== 'directory') this.remove(at);
    this.tree.set(at, inode);
  }

  link(entry: ModelEntry, before: ModelInode | undefined): boolean {
    if (entry.path === entry.linkTarget) return true;
    const inode = this.look(entry.linkTarget, this.tree) ?? before;
    if (inode === undefined) return false;
    if (inode.type === 'directory') throw new ModelError('hard link to a directory');
    if (entry.path === '') throw new ModelError('the root is a hard link');
    const at = join(this.parent(entry.path), last(entry.path));
    this.remove(at);
    this.tree.set(at, inode);
    if (inode.type !== 'symlink') inode.mode = entry.mode;
    inode.uid = entry.uid;
    inode.gid = entry.gid;
    inode.mtime = entry.mtime;
    inode.mtimeNs = entry.mtimeNs;
    Object.assign(inode.xattrs, entry.xattrs);
    return true;
  }
}
