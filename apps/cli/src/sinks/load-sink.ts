import { isSink, type Sink } from '@ocirender/interface';
import { loadExport } from '../plugins/load-export.ts';
import type { SinkEntry } from './catalog.ts';

/**
 * Loads the module of one sink and checks what it exports.
 *
 * @param entry - which one
 * @returns the sink
 * @throws {OcirenderError} `ERR_OCIRENDER_UNKNOWN_SINK` when the module cannot be loaded or exports no sink of
 * our interface; `cause` is what loading threw
 */
export function loadSink(entry: SinkEntry): Promise<Sink> {
  return loadExport(entry, 'sink', isSink);
}
