import { basename } from 'node:path';
import { OcirenderError, type Sink } from '@ocirender/interface';
import { unusableError } from '../plugins/load-export.ts';
import { askWhetherMeant } from '../suggest.ts';
import { type SinkCatalog, type SinkEntry, sinkNames } from './catalog.ts';
import { endingHint } from './ending-hint.ts';

/** Loads a sink's module. */
export type SinkLoader = (entry: SinkEntry) => Promise<Sink>;

/** The sink that was chosen, and its plugin. */
export interface ChosenSink {
  readonly entry: SinkEntry;
  readonly sink: Sink;
}

/**
 * Finds the sink that a command line asks for: by name, else by the ending of the output's name. Loads no
 * other sink than the chosen one where the packages declare their endings.
 *
 * @param catalog - what is installed
 * @param name - `--sink`, if given
 * @param output - `--output`, if given
 * @param load - loads a module
 * @returns the loaded sink
 * @throws {OcirenderError} `ERR_OCIRENDER_UNKNOWN_SINK` when nothing fits or it cannot be used,
 * `ERR_OCIRENDER_USAGE` when neither name nor output says which
 */
export async function chooseSink(
  catalog: SinkCatalog,
  name: string | undefined,
  output: string | undefined,
  load: SinkLoader,
): Promise<ChosenSink> {
  const entry = name === undefined ? await byExtension(catalog, output, load) : byName(catalog, name);
  try {
    return { entry, sink: await load(entry) };
  } catch (cause) {
    throw unusableError('sink', entry, { cause });
  }
}

function byName(catalog: SinkCatalog, name: string): SinkEntry {
  const entry = catalog.sinks.find((sink) => sink.name === name);
  if (entry !== undefined) return entry;
  const broken = catalog.broken.find((sink) => sink.name === name);
  if (broken !== undefined)
    throw unusableError('sink', { name, plugin: broken.plugin }, { reason: broken.reason });
  const question = askWhetherMeant(
    name,
    catalog.sinks.map((sink) => sink.name),
  );
  throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `no sink "${name}" is installed`, {
    hint: `${question}Installed: ${sinkNames(catalog)}. Others come as plugins: ocirender plugins install NAME.`,
  });
}

async function byExtension(
  catalog: SinkCatalog,
  output: string | undefined,
  load: SinkLoader,
): Promise<SinkEntry> {
  if (output === undefined) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'where to? The argument OUTPUT is missing', {
      hint: `Name it: ocirender convert IMAGE rootfs.squashfs. Its ending says which sink, or --sink NAME does. Installed: ${sinkNames(catalog)}.`,
    });
  }
  if (output === '-') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'which sink? --sink NAME is missing', {
      hint: `Installed: ${sinkNames(catalog)}.`,
    });
  }
  const file = output.endsWith('/') ? '/' : basename(output).toLowerCase();
  const fits = (extensions: readonly string[]): boolean => extensions.some((end) => file.endsWith(end));
  const declared = catalog.sinks.find((sink) => sink.extensions !== undefined && fits(sink.extensions));
  if (declared !== undefined) return declared;
  for (const entry of catalog.sinks) {
    if (entry.extensions !== undefined) continue;
    // One broken plugin must not keep another one's ending from being found.
    const sink = await load(entry).catch(() => undefined);
    if (sink !== undefined && fits(sink.extensions)) return entry;
  }
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `the name "${output}" does not say which sink to use`, {
    hint: endingHint(file, catalog),
  });
}
