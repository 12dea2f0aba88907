import { type ContentChunk, type DiagnosticHandler, type Entry, throwIfAborted } from '@ocirender/interface';
import type { TarEvent } from './events.ts';
import { TarReader, type TarReaderOptions } from './reader.ts';

/** How {@link readTar} reads. */
export interface ReadTarOptions extends TarReaderOptions {
  /** Stops the reading; the generator throws then. */
  signal?: AbortSignal;
  /** Takes what was repaired or left out. */
  diagnose?: DiagnosticHandler;
}

/** An entry of a tar with its content. */
export interface TarMember {
  readonly entry: Entry;
  /**
   * Bytes and holes of a file, nothing for all else. Can be read once, before the next entry is asked for;
   * what is not read is passed over. Chunks are views on the source's chunks.
   */
  readonly content: AsyncIterable<ContentChunk>;
}

/**
 * Reads a tar from a stream of bytes, entry by entry.
 *
 * @param source - the tar's bytes, uncompressed
 * @param options - limits, signal, diagnostics
 * @returns the entries in archive order
 * @throws {FormatError} when the bytes are no tar, or end early
 * @throws {LimitError} when a limit is met
 * @throws {OcirenderError} `ERR_OCIRENDER_ABORTED`
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  options: ReadTarOptions = {},
): AsyncGenerator<TarMember> {
  const events = readEvents(source, options);
  try {
    for (;;) {
      const { value: event, done } = await events.next();
      if (done === true) return;
      if (event.type !== 'entry') continue;
      const { entry } = event;
      const content = entry.type === 'file' && entry.size > 0 ? readContent(events) : nothing();
      yield { entry, content };
      // Passes over what the caller has left.
      for await (const _ of content);
    }
  } finally {
    await events.return(undefined);
  }
}

async function* readEvents(
  source: AsyncIterable<Uint8Array>,
  options: ReadTarOptions,
): AsyncGenerator<TarEvent> {
  const { signal, diagnose } = options;
  const reader = new TarReader(options);
  throwIfAborted(signal);
  for await (const chunk of source) {
    throwIfAborted(signal);
    for (const event of reader.write(chunk)) {
      if (event.type === 'diagnostic') diagnose?.(event);
      else yield event;
    }
  }
  for (const event of reader.finish()) {
    if (event.type === 'diagnostic') diagnose?.(event);
    else yield event;
  }
}

/** An iterator rather than a generator: breaking out of it must not end the events underneath. */
function readContent(events: AsyncGenerator<TarEvent>): AsyncIterable<ContentChunk> {
  let isOver = false;
  const iterator: AsyncIterator<ContentChunk> = {
    async next() {
      while (!isOver) {
        const { value: event, done } = await events.next();
        if (done === true || event.type === 'end-of-entry') isOver = true;
        else if (event.type === 'data') return { done: false, value: event.bytes };
        else if (event.type === 'hole') return { done: false, value: { hole: event.length } };
      }
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function* nothing(): AsyncGenerator<ContentChunk> {}
