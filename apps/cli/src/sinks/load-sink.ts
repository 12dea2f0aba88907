import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isSink, OcirenderError, type Sink } from '@ocirender/interface';
import type { SinkEntry } from './catalog.ts';

/**
 * Loads the module of one sink and checks what it exports.
 *
 * @param entry - which one
 * @returns the sink
 * @throws {OcirenderError} `ERR_OCIRENDER_UNKNOWN_SINK` when the module cannot be loaded or exports no sink of
 * our interface; `cause` is what loading threw
 */
export async function loadSink(entry: SinkEntry): Promise<Sink> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(join(entry.root, entry.module)).href)) as Record<string, unknown>;
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `its module ${entry.module} cannot be loaded`, {
      cause,
    });
  }
  const sink = module[entry.export];
  if (isSink(sink)) return sink;
  const problem =
    sink === undefined ? `has no export "${entry.export}"` : `exports no sink as "${entry.export}"`;
  throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `its module ${entry.module} ${problem}`);
}
