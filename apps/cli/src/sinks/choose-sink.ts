import { basename, extname } from 'node:path';
import { OcirenderError, type Sink } from '@ocirender/interface';
import { unusableError } from '../plugins/load-export.ts';
import { suggest } from '../suggest.ts';
import type { SinkCatalog, SinkEntry } from './catalog.ts';

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
  const near = suggest(
    name,
    catalog.sinks.map((sink) => sink.name),
  );
  const question = near === undefined ? '' : `Did you mean "${near}"? `;
  throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `no sink "${name}" is installed`, {
    hint: `${question}Installed: ${names(catalog)}. Others come as plugins: ocirender plugins install NAME.`,
  });
}

async function byExtension(
  catalog: SinkCatalog,
  output: string | undefined,
  load: SinkLoader,
): Promise<SinkEntry> {
  if (output === undefined) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'where to? The argument OUTPUT is missing', {
      hint: `Name it: ocirender convert IMAGE rootfs.squashfs. Its ending says which sink, or --sink NAME does. Installed: ${names(catalog)}.`,
    });
  }
  if (output === '-') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'which sink? --sink NAME is missing', {
      hint: `Installed: ${names(catalog)}.`,
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
    hint: endingHint(file, catalog) ?? `Say it with --sink NAME. Installed: ${names(catalog)}.`,
  });
}

/** What is usually meant by endings that say no sink. */
function endingHint(file: string, catalog: SinkCatalog): string | undefined {
  if (file.endsWith('.erofs') || file.endsWith('.ero'))
    return 'EROFS comes with a plugin: ocirender plugins install @ocirender/sink-erofs.';
  if (/\.(?:img|raw|bin|image)$/.test(file))
    return `Any filesystem can be meant. Say which with --sink NAME. Installed: ${names(catalog)}.`;
  const compressed = /\.(?:tar\.|t)(gz|zst|xz|bz2)$/.exec(file);
  if (compressed !== null) {
    const program = { gz: 'gzip', zst: 'zstd', xz: 'xz', bz2: 'bzip2' }[compressed[1]!];
    return `Tars are written plain: ocirender convert IMAGE -s tar -o - --plan-first | ${program} > ${file}`;
  }
  const known = catalog.sinks.flatMap(({ extensions = [] }) => extensions);
  const near = suggest(extname(file), known);
  return near === undefined || extname(file) === ''
    ? undefined
    : `Did you mean "${near}"? Else say it with --sink NAME. Installed: ${names(catalog)}.`;
}

function names(catalog: SinkCatalog): string {
  return catalog.sinks.map((sink) => sink.name).join(', ') || 'none';
}
