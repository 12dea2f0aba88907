import type { Magic } from '@ocirender/interface';
import { type BrokenPlugin, type Installed, type PluginLike, readCatalog } from '../plugins/catalog.ts';
import { type Declared, isObject } from '../plugins/manifest.ts';

/** One reader as a package.json declares it. */
export interface DeclaredReader extends Declared {
  /** Any one of these makes a file one of this format; a reader without any reads directories. */
  readonly magic: readonly Magic[];
}

/** A reader that is installed; its module is not loaded yet. */
export type ReaderEntry = Installed<DeclaredReader>;

/** All readers that are installed. Sorted: the bundled ones first, then by plugin and name. */
export interface ReaderCatalog {
  readonly readers: readonly ReaderEntry[];
  readonly broken: readonly BrokenPlugin[];
}

/** Most bytes of a file's beginning that are looked at for magics. */
export const MAGIC_BYTES: number = 128 * 1024;

/** The prefix that is the program's own. */
export const OCI_PREFIX = 'oci';

/**
 * Finds the readers that plugins bring, without loading any of them.
 *
 * @param plugins - oclif's list, in any order
 * @returns the usable and the unusable ones
 */
export function readReaderCatalog(plugins: Iterable<PluginLike>): ReaderCatalog {
  const { items, broken } = readCatalog<DeclaredReader>(plugins, 'readers', (declared, { magic }) => {
    if (declared.name === OCI_PREFIX) return { reason: `the name "${OCI_PREFIX}" is the program's own` };
    if (Array.isArray(magic) && magic.every(isMagic)) return { ...declared, magic };
    const where = `"ocirender.readers.${declared.name}.magic" of its package.json`;
    return { reason: `${where} is not a list of {"offset", "bytes"} with hexadecimal bytes` };
  });
  return { readers: items, broken };
}

function isMagic(value: unknown): value is Magic {
  if (!isObject(value)) return false;
  const { offset, bytes } = value;
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return false;
  if (typeof bytes !== 'string' || !/^([0-9a-f]{2})+$/i.test(bytes)) return false;
  return offset + bytes.length / 2 <= MAGIC_BYTES;
}
