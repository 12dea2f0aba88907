import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Content,
  type ContentRef,
  type Diagnostic,
  type DirectoryInode,
  type FileInode,
  type Inode,
  type Metadata,
  NO_XATTRS,
  type SinkReport,
  type SinkSession,
} from '@ocirender/interface';
import { afterAll } from 'vitest';
import { dirSink } from '../src/sink.ts';
import { makeRemovable } from './make-removable.ts';

const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary) makeRemovable(directory);
});

/** Makes an empty directory that lasts as long as the test file runs. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-dir-'));
  temporary.push(directory);
  return directory;
}

/** Owned by whoever runs the test, so that nothing is refused. */
export const MINE: Metadata = {
  mode: 0o644,
  uid: process.geteuid!(),
  gid: process.getegid!(),
  mtime: 1_000_000_000,
  mtimeNs: 123_456_789,
  xattrs: NO_XATTRS,
};

export function directory(children: Record<string, Inode>, metadata: Partial<Metadata> = {}): DirectoryInode {
  return {
    ...MINE,
    mode: 0o755,
    ...metadata,
    type: 'directory',
    children: new Map(Object.entries(children)),
  };
}

export function file(
  content: ContentRef | undefined,
  size: number,
  metadata: Partial<Metadata> = {},
): FileInode {
  return { ...MINE, ...metadata, type: 'file', size, content };
}

export interface Opened {
  readonly path: string;
  readonly session: SinkSession;
  readonly diagnostics: Diagnostic[];
  readonly write: (
    content: Content,
    size: number,
    path?: string,
    metadata?: Partial<Metadata>,
  ) => Promise<ContentRef>;
  readonly finish: (root: DirectoryInode) => Promise<SinkReport>;
}

export async function openSession(signal: AbortSignal = new AbortController().signal): Promise<Opened> {
  const path = join(temporaryDirectory(), 'output');
  const diagnostics: Diagnostic[] = [];
  const session = await dirSink.open({
    output: { kind: 'directory', path },
    options: {},
    threads: 1,
    signal,
    diagnose: (diagnostic) => diagnostics.push(diagnostic),
  });
  return {
    path,
    session,
    diagnostics,
    write: async (content, size, name = 'file', metadata = {}) =>
      session.write(content, { size, placement: { path: name, metadata: { ...MINE, ...metadata } } }),
    finish: (root) => session.finish({ root }),
  };
}
