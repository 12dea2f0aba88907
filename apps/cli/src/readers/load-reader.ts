import { isReader, type Reader } from '@ocirender/interface';
import { loadExport, unusableError } from '../plugins/load-export.ts';
import type { ReaderEntry } from './catalog.ts';

/**
 * Loads the module of one reader and checks what it exports.
 *
 * @param entry - which one
 * @returns the reader
 * @throws {OcirenderError} `ERR_OCIRENDER_UNKNOWN_SINK` when the plugin cannot be used; `cause` says why
 */
export async function loadReader(entry: ReaderEntry): Promise<Reader> {
  try {
    return await loadExport(entry, 'reader', isReader);
  } catch (cause) {
    throw unusableError('reader', entry, { cause });
  }
}
