import { type ByteString, displayPath, ImageReader, LimitError } from '@ocirender/interface';
import type { CacheFlags } from '../cache/cache-flags.ts';
import type { PluginLike } from '../plugins/catalog.ts';
import { readReaderCatalog } from '../readers/catalog.ts';
import { openSpec } from '../readers/open-image.ts';
import type { ReadFlags } from '../readers/read-flags.ts';
import { withReading } from '../readers/reading.ts';
import { printLines } from '../report/print-lines.ts';
import { type JsonEntry, jsonEntry, type ListedEntry, listingLines } from './listing.ts';
import { findPath } from './path-argument.ts';

/** What the command line says. */
export interface LsRequest {
  readonly image: string;
  readonly path: string | undefined;
  readonly flags: ReadFlags & CacheFlags & { readonly recursive: boolean };
  readonly json: boolean;
  readonly plugins: readonly PluginLike[];
}

/** Names after which a recursive listing is printed: columns are aligned within. */
const BATCH = 1000;
/** Longest path, as in the merging engine. */
const PATH_BYTES = 4096;

/**
 * Lists a directory of an image, everything below it, or one name.
 *
 * @param request - the parsed command line
 * @returns the names for `--json`
 * @throws {OcirenderError} usage errors, and whatever reading the image throws
 */
export function runLs(request: LsRequest): Promise<JsonEntry[]> {
  const { flags, json } = request;
  return withReading(flags, async ({ settings, progress }) => {
    const catalog = readReaderCatalog(request.plugins);
    const reader = new ImageReader(await openSpec(request.image, catalog, { ...settings, digests: false }));
    try {
      const batches = entries(
        reader,
        request.path ?? '/',
        flags.recursive,
        settings.limits?.pathBytes ?? PATH_BYTES,
      );
      progress.stop();
      if (!json) await printLines(lines(batches, flags.recursive));
      const all: JsonEntry[] = [];
      if (json) for await (const batch of batches) for (const entry of batch) all.push(jsonEntry(entry));
      return all;
    } finally {
      await reader.close();
    }
  });
}

async function* lines(batches: AsyncIterable<ListedEntry[]>, wholePaths: boolean): AsyncGenerator<string> {
  const shown = wholePaths
    ? ({ path }: ListedEntry): string => `/${displayPath(path)}`
    : ({ path }: ListedEntry): string => displayPath(path.slice(path.lastIndexOf('/') + 1)) || '/';
  for await (const batch of batches) yield* listingLines(batch, shown);
}

async function* entries(
  reader: ImageReader,
  text: string,
  recursive: boolean,
  pathBytes: number,
): AsyncGenerator<ListedEntry[]> {
  const { path, node } = await findPath(reader, text);
  if (node.type !== 'directory') {
    yield [{ path, node }];
    return;
  }
  const prefixed = (parent: ByteString, name: ByteString): ByteString => {
    // Directories that lie deep within each other could make paths of any length of little data.
    if (parent.length + name.length < pathBytes) return parent === '' ? name : `${parent}/${name}`;
    throw new LimitError('pathBytes', pathBytes, `a path begins with ${displayPath(parent.slice(0, 64))}…`);
  };
  const children = async (parent: ListedEntry): Promise<ListedEntry[]> =>
    (await reader.source.children(parent.node)).map(([name, child]) => ({
      path: prefixed(parent.path, name),
      node: child,
    }));
  if (!recursive) {
    yield await children({ path, node });
    return;
  }
  let batch: ListedEntry[] = [];
  const pending: ListedEntry[] = [{ path, node }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    batch.push(entry);
    if (entry.node.type === 'directory') {
      for (const child of (await children(entry)).reverse()) pending.push(child);
    }
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}
