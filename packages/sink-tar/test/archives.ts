import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ContentChunk,
  type Entry,
  expandHoles,
  isOcirenderError,
  NO_XATTRS,
} from '@ocirender/interface';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';
import { afterAll } from 'vitest';

const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

/** A member and its stored bytes. */
export type Member = Partial<Entry> & { readonly path: string; readonly data?: string };

/** One member as it lies in an archive. */
export function member({ data = '', ...part }: Member): Buffer {
  const entry: Entry = {
    type: 'file',
    size: data.length,
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1,
    mtimeNs: 0,
    xattrs: NO_XATTRS,
    ...part,
  };
  const bytes = Buffer.from(data, 'latin1');
  return Buffer.concat([encodeTarHeader(entry), bytes, Buffer.alloc(tarPadding(bytes.length))]);
}

export function archive(...members: Member[]): Buffer {
  return Buffer.concat([...members.map(member), END_OF_ARCHIVE]);
}

/** Writes a file that lasts as long as the test file runs. */
export function fileOf(bytes: Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-tar-reader-'));
  temporary.push(directory);
  const path = join(directory, 'archive');
  writeFileSync(path, bytes);
  return path;
}

/** All bytes of a content. */
export async function bytesOf(content: AsyncIterable<ContentChunk>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of expandHoles(content)) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

/** The code with which something fails; other errors pass. */
export async function codeOf(action: Promise<unknown>): Promise<string | undefined> {
  try {
    await action;
  } catch (error) {
    if (isOcirenderError(error)) return error.code;
    throw error;
  }
  return undefined;
}
