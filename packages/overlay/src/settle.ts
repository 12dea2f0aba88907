import type { InputThreads } from '@ocirender/decompress';
import {
  type ByteString,
  type ContentInfo,
  type ContentRef,
  type DiagnosticHandler,
  equalMetadata,
  type Inode,
  type Layer,
  type SinkSession,
  type SourceLayer,
  type Tree,
  TreeWalk,
} from '@ocirender/interface';
import { giveContents, NO_BYTES } from './give-contents.ts';
import { type Journal, NOT_STORED } from './journal.ts';
import type { MergeLimits } from './limits.ts';
import type { DirectoryNode, FileNode } from './nodes.ts';

/** A content that the tree needs and the sink does not have. */
export interface MissingContent {
  readonly file: FileNode;
  /** The file's first name in walk order. */
  readonly path: ByteString;
}

/** What the tree needs against what the sink has. */
export interface Settlement {
  /** By layer, then by record. */
  readonly missing: ReadonlyMap<number, ReadonlyMap<number, MissingContent>>;
  /** Bytes of contents that were stored and are not needed. */
  readonly wastedBytes: number;
  /** True when each stored content is where its placement said, and is needed. */
  readonly placedRight: boolean;
}

/**
 * Binds the tree's files to the contents that the sink has stored.
 *
 * @param root - of the replayed tree; `content` of its files is set
 * @param journals - by layer, with the sink's refs
 * @param checkPlacements - also compare each stored content's placement with the tree (for sinks that write in order)
 * @returns what is missing and what is superfluous
 */
export function bindContents(
  root: DirectoryNode,
  journals: readonly Journal[],
  checkPlacements: boolean,
): Settlement {
  const missing = new Map<number, Map<number, MissingContent>>();
  let placedRight = true;
  let usedBytes = 0;
  const walk = new TreeWalk({ root });
  while (walk.next()) {
    const { inode, path } = walk;
    if (inode.type !== 'file' || inode.size === 0) continue;
    const file = inode as FileNode;
    const journal = journals[file.layer]!;
    const ref = journal.ref(file.record);
    if (ref === NOT_STORED) {
      const records = missing.get(file.layer) ?? new Map<number, MissingContent>();
      // A further name of a file that was met before.
      if (records.has(file.record)) continue;
      missing.set(file.layer, records.set(file.record, { file, path }));
    } else if (file.content !== ref) {
      file.content = ref;
      usedBytes += file.size;
      if (checkPlacements && placedRight) placedRight = isPlacedRight(root, path, file, journal);
    }
  }
  let storedBytes = 0;
  for (const journal of journals) storedBytes += journal.storedBytes;
  const wastedBytes = storedBytes - usedBytes;
  return { missing, wastedBytes, placedRight: placedRight && wastedBytes === 0 && missing.size === 0 };
}

/** `first` is the file's first name in walk order: as a rule the one under which it was placed. */
function isPlacedRight(root: DirectoryNode, first: ByteString, file: FileNode, journal: Journal): boolean {
  const { path, metadata } = journal.placement(file.record);
  return equalMetadata(file, metadata) && (path === first || nodeAt(root, path) === file);
}

function nodeAt(root: DirectoryNode, path: ByteString): Inode | undefined {
  let at: Inode | undefined = root;
  for (const name of path.split('/')) at = at?.type === 'directory' ? at.children.get(name) : undefined;
  return at;
}

/** What {@link readMissing} needs. */
export interface ReadMissingOptions {
  readonly layers: readonly Layer[];
  readonly session: SinkSession;
  readonly tree: Tree;
  readonly limits: MergeLimits;
  readonly threads: InputThreads;
  /** What the session was told of each layer. */
  readonly sources: readonly SourceLayer[];
  /** Whether a layer was read before. */
  readonly isChecked: (layer: number) => boolean;
  readonly signal?: AbortSignal;
  readonly diagnose: DiagnosticHandler;
  readonly onLayer?: (index: number) => void;
  /** Called when a layer was read, and not all of it known. */
  readonly onRead?: (index: number) => void;
  readonly onBytes?: (layer: number, bytes: number) => void;
}

/**
 * Reads layers again, newest first, for the contents that the sink does not have, and gives them to it under their
 * final paths.
 *
 * @param missing - what to read; `content` of the files is set
 * @param options - where from and where to
 * @returns bytes of contents read
 */
export async function readMissing(
  missing: Settlement['missing'],
  options: ReadMissingOptions,
): Promise<number> {
  const { layers, sources, session, tree, limits, threads, signal, diagnose, onBytes } = options;
  let bytes = 0;
  for (const index of [...missing.keys()].sort((a, b) => b - a)) {
    const records = missing.get(index)!;
    const source = sources[index]!;
    options.onLayer?.(index);
    const wasRead = await giveContents(
      layers[index]!,
      records,
      source,
      {
        session,
        info: (content) => missingInfo(content, tree, source),
        stored: ({ file }, ref) => {
          file.content = ref;
        },
      },
      {
        limits,
        threads,
        isChecked: options.isChecked(index),
        ...(signal === undefined ? {} : { signal }),
        ...(onBytes === undefined ? {} : { onBytes: (count: number) => onBytes(index, count) }),
      },
    );
    if (!wasRead) continue;
    options.onRead?.(index);
    for (const { file } of records.values()) bytes += file.size;
    diagnose({
      code: 'content-reread',
      layer: layers[index]!.digest,
      message: `${records.size} contents were read in a second pass`,
    });
  }
  return bytes;
}

/**
 * Names the contents that a session has not heard of, in the order in which {@link readMissing} would, and reads nothing: the
 * session does not look at contents.
 *
 * @param missing - what to name; `content` of the files is set
 * @param session - ignores contents
 * @param tree - the final tree
 * @param sources - what the session is told of each layer
 */
export function nameMissing(
  missing: Settlement['missing'],
  session: SinkSession,
  tree: Tree,
  sources: readonly SourceLayer[],
): void {
  for (const index of [...missing.keys()].sort((a, b) => b - a)) {
    const records = missing.get(index)!;
    for (const record of [...records.keys()].sort((a, b) => a - b)) {
      const content = records.get(record)!;
      content.file.content = nameContent(session, missingInfo(content, tree, sources[index]!));
    }
  }
}

/**
 * Has a content named by a session that does not look at contents.
 *
 * @param session - ignores contents
 * @param info - of the content
 * @throws {TypeError} when the session makes one wait: a bug of the session
 */
export function nameContent(session: SinkSession, info: ContentInfo): ContentRef {
  const ref = session.write(NO_BYTES, info);
  if (typeof ref === 'number') return ref;
  throw new TypeError('a session that ignores contents names them at once');
}

function missingInfo({ file, path }: MissingContent, tree: Tree, layer: SourceLayer): ContentInfo {
  const { size, extents, extraPax } = file;
  return {
    size,
    ...(extents === undefined ? {} : { extents }),
    placement: { path, metadata: file, ...(extraPax === undefined ? {} : { extraPax }) },
    tree,
    layer,
    member: file.record,
  };
}
