import { extname } from 'node:path';
import { askWhetherMeant } from '../suggest.ts';
import { type SinkCatalog, sinkNames } from './catalog.ts';

/** What makes a compressed tar of a plain one, by the ending that it is known by. */
const COMPRESSORS: Readonly<Record<string, string>> = { gz: 'gzip', zst: 'zstd', xz: 'xz', bz2: 'bzip2' };

/**
 * Says what to do about the name of an output whose ending says no sink.
 *
 * @param file - the name, lower case
 * @param catalog - what is installed
 */
export function endingHint(file: string, catalog: SinkCatalog): string {
  const say = `with --sink NAME. Installed: ${sinkNames(catalog)}.`;
  if (/\.ero(?:fs)?$/.test(file))
    return 'EROFS comes with a plugin: ocirender plugins install @ocirender/sink-erofs.';
  if (/\.(?:img|raw|bin|image)$/.test(file)) return `Any filesystem can be meant. Say which ${say}`;
  const compressed = /\.(?:tar\.|t)(gz|zst|xz|bz2)$/.exec(file);
  if (compressed !== null)
    return `Tars are written plain: ocirender convert IMAGE -s tar -o - --plan-first | ${COMPRESSORS[compressed[1]!]} > ${file}`;
  const ending = extname(file);
  const known = catalog.sinks.flatMap(({ extensions = [] }) => extensions);
  const question = ending === '' ? '' : askWhetherMeant(ending, known);
  return question === '' ? `Say it ${say}` : `${question}Else say it ${say}`;
}
