import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Content,
  type ContentChunk,
  type Diagnostic,
  type DirectoryInode,
  type FileInode,
  type Inode,
  type Metadata,
  NO_XATTRS,
} from '@ocirender/interface';
import { type ErofsSummary, ErofsWriter, type ErofsWriterOptions } from '../writer.ts';

/** Metadata of the tests' inodes unless they say more. */
export const PLAIN: Metadata = {
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1_000_000_000,
  mtimeNs: 0,
  xattrs: NO_XATTRS,
};

/** Makes a directory of names and inodes. */
export function directory(
  children: Record<string, Inode> | Map<string, Inode>,
  metadata: Partial<Metadata> = {},
): DirectoryInode {
  const map = children instanceof Map ? children : new Map(Object.entries(children));
  return { type: 'directory', children: map, ...PLAIN, mode: 0o755, ...metadata };
}

/** Makes a file whose content is stored under `ref`. */
export function file(size: number, content: number | undefined, metadata: Partial<Metadata> = {}): FileInode {
  return { type: 'file', size, content, ...PLAIN, ...metadata };
}

/** Runs `act` with a path in a fresh directory, which is removed afterwards. */
export async function withPath<T>(act: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ocirender-erofs-'));
  try {
    return await act(join(folder, 'image.erofs'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Stores a content of the image that is being built. */
export type Store = (content: Content, size?: number) => Promise<number>;

/** What {@link build} gives. */
export interface Built {
  readonly summary: ErofsSummary;
  readonly diagnostics: Diagnostic[];
}

/** Writes an image: `fill` stores contents and returns the root. */
export async function build(
  path: string,
  options: ErofsWriterOptions,
  fill: (store: Store) => Promise<DirectoryInode> | DirectoryInode,
): Promise<Built> {
  const diagnostics: Diagnostic[] = [];
  const writer = new ErofsWriter(path, {
    ...options,
    diagnose: (diagnostic) => diagnostics.push(diagnostic),
  });
  try {
    const root = await fill(async (content, size) => {
      const length = size ?? (content as Uint8Array).length;
      return writer.write(content, { size: length, placement: { path: 'a/file', metadata: PLAIN } });
    });
    return { summary: await writer.finish({ root }), diagnostics };
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}

/** A content stream of the given chunks, each of which is overwritten once the next is asked for. */
export async function* stream(chunks: Iterable<ContentChunk>): AsyncGenerator<ContentChunk> {
  for (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      yield chunk;
      continue;
    }
    const lent = new Uint8Array(chunk);
    yield lent;
    lent.fill(0xee);
  }
}

/** Bytes that are the same in every run; `seed` varies them; `noise` makes them incompressible. */
export function bytesOf(length: number, seed: number, noise = false): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed + 1) * 2_654_435_761;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = noise || i % 8 === 0 ? state >>> 24 : (seed + (i >> 6)) & 0xff;
  }
  return bytes;
}
