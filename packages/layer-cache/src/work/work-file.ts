import { type FileHandle, open } from 'node:fs/promises';
import { readAt } from '@ocirender/interface';
import { type Description, isCount } from '../store/checked-store.ts';
import { EntryDamaged } from '../store/entry-damaged.ts';
import { decodeEntry, encodeEntry } from '../store/entry-file.ts';
import type { EntryKey } from '../store/entry-store.ts';
import { WorkIndex } from './work-index.ts';

/** Last bytes of a file of work; before them, how long the seal is (64 bits, little-endian). */
const MAGIC = Buffer.from('OCIRLW\0\x01', 'latin1');
const FOOT = 8 + MAGIC.length;
/** Largest seal: more than a layer of a hundred million members needs. */
const MAX_SEAL = 2 ** 32;

/** A file of work, open for reading. */
export interface WorkFile {
  readonly key: EntryKey;
  readonly file: FileHandle;
  readonly index: WorkIndex;
  readonly description: Description;
}

/**
 * Makes the end of a file of work: bytes of the items come first, then an entry whose payload is the index (see
 * `encodeEntry`), how long that is (64 bits, little-endian), and eight bytes `OCIRLW 0 1`.
 *
 * @param description - what the work is of
 * @param index - see {@link WorkIndex}
 * @returns pieces, in order
 */
export function workFileEnd(description: Description, index: Buffer): Buffer[] {
  const seal = encodeEntry({ description, payload: index });
  const foot = Buffer.alloc(8);
  foot.writeBigUInt64LE(BigInt(seal.reduce((sum, { length }) => sum + length, 0)));
  return [...seal, foot, MAGIC];
}

/**
 * Opens a file of work, and checks all of it but the bytes of the items.
 *
 * @param key - under which it is kept
 * @param path - of the file
 * @returns undefined when there is none, or it cannot be read
 * @throws {EntryDamaged} when it is not what was written
 */
export async function openWorkFile(key: EntryKey, path: string): Promise<WorkFile | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size < FOOT) throw new EntryDamaged('it is too short');
    const foot = partOf(file, size - FOOT, FOOT);
    if (!foot.subarray(8).equals(MAGIC)) throw new EntryDamaged('it is of another kind or version');
    const length = Number(foot.readBigUInt64LE());
    if (length > Math.min(size - FOOT, MAX_SEAL)) throw new EntryDamaged('its index is too long');
    const { description, payload } = decodeEntry(partOf(file, size - FOOT - length, length));
    const { kind, diffId, work } = description;
    if (kind !== key.kind || diffId !== key.diffId || typeof work !== 'string')
      throw new EntryDamaged('it is about something else');
    const index = new WorkIndex(payload);
    if (!isCount(description['dataBytes']) || index.dataBytes !== size - FOOT - length)
      throw new EntryDamaged('it has another length than it says');
    return { key, file, index, description };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads a part of a file; cut meanwhile, it is damaged. */
function partOf({ fd }: FileHandle, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  if (readAt(fd, bytes, position) < length) throw new EntryDamaged('it ends early');
  return bytes;
}
