import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content, Diagnostic, DirectoryInode } from '@ocirender/interface';
import { PLAIN } from '../../../sink-squashfs/src/testing/build.ts';
import { type ErofsSummary, ErofsWriter, type ErofsWriterOptions } from '../writer.ts';

export { bytesOf, directory, file, PLAIN, stream } from '../../../sink-squashfs/src/testing/build.ts';

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
