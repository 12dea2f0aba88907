import type { HeaderEvent } from '@ocirender/overlay';
import { type Description, isCount } from '../store/checked-store.ts';
import { EntryDamaged } from '../store/entry-damaged.ts';
import { decodeHeaders } from './decode-headers.ts';

/** Headers of a layer, as they were kept. */
export interface KeptHeaders {
  readonly tarBytes: number;
  /** Of the blob that they were read of. */
  readonly digest: unknown;
  /** That they were read under. */
  readonly limits: readonly (readonly [string, number])[];
  events(): Iterable<HeaderEvent>;
}

/**
 * Reads kept headers, all of them.
 *
 * @param bytes - of the entry
 * @param description - of the entry
 * @throws {EntryDamaged}
 */
export function readKeptHeaders(bytes: Buffer, { tarBytes, digest, limits }: Description): KeptHeaders {
  if (!isCount(tarBytes)) throw new EntryDamaged('its description has impossible numbers');
  if (typeof limits !== 'object' || limits === null) throw new EntryDamaged('its description has no limits');
  const pairs = Object.entries(limits);
  if (!pairs.every((pair): pair is [string, number] => typeof pair[1] === 'number'))
    throw new EntryDamaged('its description has impossible limits');
  for (const _ of decodeHeaders(bytes));
  return { tarBytes, digest, limits: pairs, events: () => decodeHeaders(bytes) };
}
