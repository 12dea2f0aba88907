import type { Content, Diagnostic, DirectoryInode } from '@ocirender/interface';
import { type Ext4Summary, Ext4Writer, type Ext4WriterOptions } from '../writer.ts';

/** What {@link build} gives. */
export interface Built {
  readonly summary: Ext4Summary;
  readonly diagnostics: Diagnostic[];
}

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map<string, Uint8Array>() };

/** Writes a filesystem: `fill` stores contents and returns the root. */
export async function build(
  path: string,
  options: Ext4WriterOptions,
  fill: (
    store: (content: Content, size?: number) => Promise<number>,
  ) => Promise<DirectoryInode> | DirectoryInode,
): Promise<Built> {
  const diagnostics: Diagnostic[] = [];
  const writer = new Ext4Writer(path, { ...options, diagnose: (diagnostic) => diagnostics.push(diagnostic) });
  try {
    const root = await fill(async (content, size) => {
      const length = size ?? (content as Uint8Array).length;
      return writer.write(content, { size: length, placement: { path: 'a/file', metadata: METADATA } });
    });
    return { summary: await writer.finish({ root }), diagnostics };
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}
