import { createHash } from 'node:crypto';
import { type ContentChunk, expandHoles, type ImageNode, type ImageSource } from '@ocirender/interface';
import { mismatch } from './content-cursor.ts';
import type { NodePair, OffsetHandler } from './find-offsets.ts';

/** Bytes of a block. */
const BLOCK = 1024 * 1024;
/** Bytes of blocks that are held at once; pairs that find no room wait for another round. */
const HELD_BYTES = 64 * 1024 * 1024;

/** The first block of a pair that differs. */
interface DifferingBlock {
  readonly pair: NodePair;
  /** Number of the block. */
  readonly index: number;
  /** The reference's bytes. */
  readonly bytes: Uint8Array;
}

/**
 * Finds first differing bytes where neither image can read single files: three passes. The first hashes the subject's
 * files block by block, the second finds the reference's first block that differs and keeps it, the third compares
 * that block. More rounds follow where too many blocks differ to be kept at once.
 *
 * @param subject - one image
 * @param reference - the other
 * @param pairs - files that differ, no inode twice
 * @param found - told each offset
 * @param signal - ends the search
 */
export async function findByBlocks(
  subject: ImageSource,
  reference: ImageSource,
  pairs: readonly NodePair[],
  found: OffsetHandler,
  signal: AbortSignal,
): Promise<void> {
  const hashes = new Map<NodePair, Uint8Array[]>();
  await eachContent(subject, pairs, 'subject', signal, async (pair, content) => {
    const list: Uint8Array[] = [];
    for await (const block of blocks(content)) list.push(hashOf(block));
    hashes.set(pair, list);
  });
  for (let left = pairs; left.length > 0; ) {
    const held: DifferingBlock[] = [];
    const later: NodePair[] = [];
    let heldBytes = 0;
    await eachContent(reference, left, 'reference', signal, async (pair, content) => {
      const differing = await firstDifferingBlock(content, hashes.get(pair) ?? []);
      if (differing === undefined) return;
      if (heldBytes + differing.bytes.length > HELD_BYTES) {
        later.push(pair);
        return;
      }
      heldBytes += differing.bytes.length;
      held.push({ pair, index: differing.index, bytes: Uint8Array.from(differing.bytes) });
    });
    await compareHeld(subject, held, found, signal);
    left = later;
  }
}

async function firstDifferingBlock(
  content: AsyncIterable<ContentChunk>,
  hashes: readonly Uint8Array[],
): Promise<{ readonly index: number; readonly bytes: Uint8Array } | undefined> {
  let index = 0;
  for await (const block of blocks(content)) {
    const hash = hashes[index];
    if (hash === undefined || Buffer.compare(hash, hashOf(block)) !== 0) return { index, bytes: block };
    index++;
  }
  // The reference ends where a block of the subject's begins.
  return index < hashes.length ? { index, bytes: new Uint8Array() } : undefined;
}

async function compareHeld(
  subject: ImageSource,
  held: readonly DifferingBlock[],
  found: OffsetHandler,
  signal: AbortSignal,
): Promise<void> {
  const byPair = new Map(held.map((block) => [block.pair, block]));
  await eachContent(subject, [...byPair.keys()], 'subject', signal, async (pair, content) => {
    const { index, bytes } = byPair.get(pair)!;
    let other: Uint8Array = new Uint8Array();
    let current = 0;
    for await (const block of blocks(content)) {
      if (current++ !== index) continue;
      other = block;
      break;
    }
    const length = Math.min(bytes.length, other.length);
    const at = mismatch(bytes.subarray(0, length), other.subarray(0, length)) ?? length;
    found(pair.path, index * BLOCK + at);
  });
}

async function eachContent(
  source: ImageSource,
  pairs: readonly NodePair[],
  side: 'subject' | 'reference',
  signal: AbortSignal,
  visit: (pair: NodePair, content: AsyncIterable<ContentChunk>) => Promise<void>,
): Promise<void> {
  const byId = new Map(pairs.map((pair) => [pair[side].id, pair]));
  const nodes: ImageNode[] = pairs.map((pair) => pair[side]);
  if (nodes.length === 0) return;
  for await (const { node, content } of source.contents(nodes, { signal })) {
    const pair = byId.get(node.id);
    if (pair !== undefined) await visit(pair, content);
  }
}

/** Cuts a content into blocks; each is valid until the next is asked for. */
async function* blocks(content: AsyncIterable<ContentChunk>): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(0);
  let used = 0;
  for await (const chunk of expandHoles(content)) {
    for (let at = 0; at < chunk.length; ) {
      if (used === block.length) {
        // Small files need no whole block.
        const grown = new Uint8Array(Math.min(BLOCK, Math.max(64 * 1024, block.length * 4)));
        grown.set(block.subarray(0, used));
        block = grown;
      }
      const length = Math.min(block.length - used, chunk.length - at);
      block.set(chunk.subarray(at, at + length), used);
      at += length;
      used += length;
      if (used < BLOCK) continue;
      yield block;
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}

function hashOf(block: Uint8Array): Uint8Array {
  return createHash('sha256').update(block).digest();
}
