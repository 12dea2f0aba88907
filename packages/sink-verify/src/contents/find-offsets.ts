import { type ByteString, type ImageNode, ImageReader, type ImageSource } from '@ocirender/interface';
import { findByBlocks } from './block-search.ts';
import { firstDifference } from './content-cursor.ts';

/** A file of both images, open for reading again. */
export interface NodePair {
  readonly path: ByteString;
  readonly subject: ImageNode;
  readonly reference: ImageNode;
}

/** Takes what was found. */
export type OffsetHandler = (path: ByteString, offset: number) => void;

/**
 * Finds the first differing byte of files that differ. Nothing is held in memory but a chunk of each, or a bounded
 * number of blocks where neither image can read a single file.
 *
 * @param subject - one image
 * @param reference - the other
 * @param paths - regular files of both
 * @param found - told each offset
 * @param signal - ends the search
 */
export async function findOffsets(
  subject: ImageSource,
  reference: ImageSource,
  paths: readonly ByteString[],
  found: OffsetHandler,
  signal: AbortSignal,
): Promise<void> {
  const pairs = await openPairs(subject, reference, paths);
  if (subject.randomAccess && reference.randomAccess) {
    for (const pair of pairs) {
      const offset = await firstDifference(
        subject.content(pair.subject, { signal }),
        reference.content(pair.reference, { signal }),
      );
      if (offset !== undefined) found(pair.path, offset);
    }
    return;
  }
  for (const round of rounds(pairs)) {
    if (!subject.randomAccess && !reference.randomAccess) {
      await findByBlocks(subject, reference, round, found, signal);
    } else {
      await findInOnePass(subject, reference, round, found, signal);
    }
  }
}

async function openPairs(
  subject: ImageSource,
  reference: ImageSource,
  paths: readonly ByteString[],
): Promise<NodePair[]> {
  const a = new ImageReader(subject);
  const b = new ImageReader(reference);
  const pairs: NodePair[] = [];
  for (const path of paths) {
    const pair = { path, subject: await a.stat(path), reference: await b.stat(path) };
    // An image that changes while it is read can have anything there by now.
    if (pair.subject.type === 'file' && pair.reference.type === 'file') pairs.push(pair);
  }
  return pairs;
}

/** Splits pairs so that no inode occurs twice in a round: a pass gives each content once. */
function* rounds(pairs: readonly NodePair[]): Generator<NodePair[]> {
  for (let left = pairs; left.length > 0; ) {
    const subjects = new Set<number>();
    const references = new Set<number>();
    const round: NodePair[] = [];
    const later: NodePair[] = [];
    for (const pair of left) {
      if (subjects.has(pair.subject.id) || references.has(pair.reference.id)) {
        later.push(pair);
        continue;
      }
      subjects.add(pair.subject.id);
      references.add(pair.reference.id);
      round.push(pair);
    }
    yield round;
    left = later;
  }
}

/** One image reads its files in one pass, the other follows. */
async function findInOnePass(
  subject: ImageSource,
  reference: ImageSource,
  pairs: readonly NodePair[],
  found: OffsetHandler,
  signal: AbortSignal,
): Promise<void> {
  const isLeader = !subject.randomAccess;
  const [leader, follower] = isLeader ? [subject, reference] : [reference, subject];
  const led = (pair: NodePair): ImageNode => (isLeader ? pair.subject : pair.reference);
  const followed = (pair: NodePair): ImageNode => (isLeader ? pair.reference : pair.subject);
  const byId = new Map(pairs.map((pair) => [led(pair).id, pair]));
  for await (const { node, content } of leader.contents(pairs.map(led), { signal })) {
    const pair = byId.get(node.id);
    if (pair === undefined) continue;
    const offset = await firstDifference(content, follower.content(followed(pair), { signal }));
    if (offset !== undefined) found(pair.path, offset);
  }
}
