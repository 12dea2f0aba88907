import { type DiagnosticHandler, throwIfAborted } from '@ocirender/interface';
import { storedSize, TarReader } from '@ocirender/tar-header';
import type { ArchiveFile } from './archive-file.ts';
import { ArchiveTree } from './archive-tree.ts';
import { ContentHash } from './content-hash.ts';
import type { TarArchiveLimits } from './limits.ts';
import type { TarNode } from './tar-node.ts';

/** What {@link scanArchive} finds. */
export interface ScannedArchive {
  readonly tree: ArchiveTree;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
}

/** How an archive is scanned. */
export interface ScanOptions {
  readonly limits: TarArchiveLimits;
  /** Hash the contents that pass by. */
  readonly digests: boolean;
  readonly signal: AbortSignal | undefined;
  readonly diagnose: DiagnosticHandler | undefined;
}

/**
 * Reads an archive from end to end: the tree, and where each content is.
 *
 * @param file - the open archive
 * @param options - limits and choices
 * @returns the tree
 * @throws {FormatError} when it is no tar, or damaged
 * @throws {LimitError} when a limit is met
 * @throws {OcirenderError} for members that contradict each other
 */
export async function scanArchive(file: ArchiveFile, options: ScanOptions): Promise<ScannedArchive> {
  const { limits, digests, signal, diagnose } = options;
  const reader = new TarReader({ limits });
  const tree = new ArchiveTree(limits);
  const hash = new ContentHash();
  let node: TarNode | undefined;
  let isHashed = false;
  /** Bytes of the content at hand that are still to come. */
  let left = 0;
  const take = (events: ReturnType<TarReader['write']>): void => {
    for (const event of events) {
      switch (event.type) {
        case 'entry':
          node = tree.add(event.entry);
          left = storedSize(event.entry);
          isHashed = digests && event.entry.type === 'file' && hash.begin(event.entry);
          if (isHashed && event.entry.size === 0) node!.sha256 = hash.digest();
          break;
        case 'data':
          if (node!.offset < 0) node!.offset = reader.offset - event.bytes.length;
          left -= event.bytes.length;
          if (isHashed) hash.update(event.bytes);
          break;
        case 'hole':
          if (isHashed) hash.update({ hole: event.length });
          break;
        case 'end-of-entry':
          if (isHashed) node!.sha256 = hash.digest();
          break;
        case 'diagnostic':
          diagnose?.(event);
          break;
      }
    }
  };
  for await (const chunk of file.tar(signal, digests ? undefined : () => left)) {
    throwIfAborted(signal);
    take(reader.write(chunk));
  }
  take(reader.finish());
  return { tree, tarBytes: reader.offset };
}
