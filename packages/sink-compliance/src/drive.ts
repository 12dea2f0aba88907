import {
  type ContentInfo,
  type Diagnostic,
  type OptionValues,
  type Output,
  parseOptions,
  type Sink,
  type SinkContext,
  type SinkReport,
  type SinkSession,
} from '@ocirender/interface';
import { type ContentSource, contentChunks, scrub } from './content-source.ts';
import type { PlannedContent, PlannedTree } from './tree-builder.ts';

/** How contents are handed over. */
export interface DriveOptions {
  /** Contents up to this many bytes come whole, as one array. @defaultValue 65536 */
  readonly wholeBytes?: number;
  /** Largest chunk of a stream, bytes. @defaultValue 65536 */
  readonly chunkBytes?: number;
  /** Says which layer a content comes from, by its place among the contents. @defaultValue from none */
  readonly originOf?: (index: number) => ContentOrigin | undefined;
}

/** Where a content comes from. */
export type ContentOrigin = Required<Pick<ContentInfo, 'layer' | 'member'>> & Pick<ContentInfo, 'isSpare'>;

/** What a test context is made of. */
export interface ContextOptions {
  readonly output: Output;
  /** The sink's options by name. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** @defaultValue 2 */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Collects what the sink reports. */
  readonly diagnostics?: Diagnostic[];
}

/**
 * Makes the context of one session.
 *
 * @param sink - whose options to complete
 * @param options - what the check needs
 * @returns the context
 */
export function sinkContext(sink: Sink, options: ContextOptions): SinkContext {
  const values: OptionValues = parseOptions(sink.options, options.options ?? {}, `sink ${sink.name}`);
  return {
    output: options.output,
    options: values,
    threads: options.threads ?? 2,
    seed: `sha256:${'0123456789abcdef'.repeat(4)}`,
    sourceDateEpoch: 0,
    signal: options.signal ?? new AbortController().signal,
    diagnose: (diagnostic) => {
      options.diagnostics?.push(diagnostic);
    },
  };
}

/**
 * Says of a content what the engine would say.
 *
 * @param session - sinks with `placement: 'planned'` are told the tree
 * @param planned - the tree
 * @param content - one of its contents
 * @returns size, extents and place
 */
export function contentInfo(
  session: SinkSession,
  planned: PlannedTree,
  content: PlannedContent,
): ContentInfo {
  const { source, path, metadata } = content;
  return {
    size: source.size,
    placement: { path, metadata },
    ...(source.extents === undefined ? {} : { extents: source.extents }),
    ...(session.placement === 'planned' ? { tree: planned.tree } : {}),
  };
}

/**
 * Hands one content over, as the engine does, and overwrites the buffers afterwards.
 *
 * @param session - an open session
 * @param planned - the tree
 * @param content - what to write; its inode's `content` is set
 * @param options - how
 * @param origin - the layer that it comes from
 */
export async function writeContent(
  session: SinkSession,
  planned: PlannedTree,
  content: PlannedContent,
  options: DriveOptions = {},
  origin?: ContentOrigin,
): Promise<void> {
  const { source, inode } = content;
  const isKept = origin?.layer.kept?.has(origin.member) === true;
  const isWhole = source.extents === undefined && source.size <= (options.wholeBytes ?? 65_536);
  const bytes = isKept ? new Uint8Array(0) : isWhole ? wholeContent(source) : undefined;
  const stream = bytes ?? contentChunks(source, options.chunkBytes ?? 65_536);
  const ref = await session.write(stream, { ...contentInfo(session, planned, content), ...origin });
  if (bytes !== undefined) scrub(bytes);
  if (!Number.isSafeInteger(ref) || ref < 0) {
    throw new Error(`write gave ${String(ref)}: a content reference is a safe integer`);
  }
  if (inode !== undefined && origin?.isSpare !== true) inode.content = ref;
}

function wholeContent(source: ContentSource): Uint8Array {
  // Inside a larger buffer, as slices of an input block are.
  const bytes = new Uint8Array(source.size + 16).subarray(3, 3 + source.size);
  source.fill(bytes, 0);
  return bytes;
}

/**
 * Writes all contents of a tree and finishes.
 *
 * @param session - a fresh session
 * @param planned - the tree; good for one session
 * @param options - how contents are handed over
 * @returns the sink's report
 */
export async function driveSession(
  session: SinkSession,
  planned: PlannedTree,
  options: DriveOptions = {},
): Promise<SinkReport> {
  for (const [index, content] of planned.contents.entries())
    await writeContent(session, planned, content, options, options.originOf?.(index));
  return session.finish(planned.tree);
}
