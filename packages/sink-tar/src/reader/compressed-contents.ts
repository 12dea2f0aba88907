import { type ContentChunk, FormatError, type NodeContent } from '@ocirender/interface';
import { type TarEvent, TarReader } from '@ocirender/tar-header';
import { type ArchiveFile, readError } from './archive-file.ts';
import type { TarArchiveLimits } from './limits.ts';
import type { TarNode } from './tar-node.ts';

/**
 * Reads contents of a compressed tar in one pass from its start to the last of them.
 *
 * @param file - the archive
 * @param nodes - the files
 * @param limits - those with which it was opened
 * @param signal - stops it
 * @returns each file with its content, in the archive's order
 */
export async function* compressedContents(
  file: ArchiveFile,
  nodes: Iterable<TarNode>,
  limits: TarArchiveLimits,
  signal: AbortSignal | undefined,
): AsyncGenerator<NodeContent> {
  const wanted = new Map<number, TarNode>();
  for (const node of nodes) wanted.set(node.member, node);
  if (wanted.size === 0) return;
  const events = new EventStream(file, limits, signal);
  let member = -1;
  try {
    while (wanted.size > 0) {
      const event = events.poll();
      if (event === undefined) {
        if (!(await events.fill())) throw changed(file);
        continue;
      }
      if (event.type !== 'entry') continue;
      const node = wanted.get(++member);
      if (node === undefined) continue;
      wanted.delete(member);
      if (event.entry.type !== 'file' || event.entry.size !== node.size) throw changed(file);
      yield { node, content: node.size === 0 ? nothing() : contentOf(events, file) };
    }
  } catch (error) {
    throw readError(error, file.path);
  } finally {
    await events.close();
  }
}

/** The events of an archive, pulled. */
class EventStream {
  readonly #tar: AsyncGenerator<Uint8Array>;
  readonly #reader: TarReader;
  #events: Iterator<TarEvent> | undefined;

  constructor(file: ArchiveFile, limits: TarArchiveLimits, signal: AbortSignal | undefined) {
    this.#tar = file.tar(signal);
    this.#reader = new TarReader({ limits });
  }

  /** The next event if it is at hand. */
  poll(): TarEvent | undefined {
    const next = this.#events?.next();
    return next === undefined || next.done === true ? undefined : next.value;
  }

  /** Reads on; false at the end. */
  async fill(): Promise<boolean> {
    const next = await this.#tar.next();
    if (next.done === true) return false;
    this.#events = this.#reader.write(next.value)[Symbol.iterator]();
    return true;
  }

  async close(): Promise<void> {
    await this.#tar.return(undefined);
  }
}

async function* contentOf(events: EventStream, file: ArchiveFile): AsyncGenerator<ContentChunk> {
  for (;;) {
    const event = events.poll();
    if (event === undefined) {
      if (!(await events.fill())) throw changed(file);
    } else if (event.type === 'data') yield event.bytes;
    else if (event.type === 'hole') yield { hole: event.length };
    else if (event.type === 'end-of-entry') return;
  }
}

async function* nothing(): AsyncGenerator<ContentChunk> {}

function changed({ path }: ArchiveFile): FormatError {
  return new FormatError(`${path} is not what it was when it was opened`, 0, {
    hint: 'Something changes the file while it is read.',
  });
}
