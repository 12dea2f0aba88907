import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One file (or directory) of the collection. */
export interface CorpusItem {
  /** `images/NAME`, `tars/NAME`, `malicious/NAME`. */
  readonly name: string;
  /** What it is: `oci-dir`, `docker-archive.gzip`, `tar`, … */
  readonly kind: string;
  /** Listings of its images, equal images only once; not all have one. */
  readonly listings: readonly CorpusListing[];
}

/** What an image of a file must be. */
export interface CorpusListing {
  /** Name beside the file. */
  readonly file: string;
  /** Name of the image, and its architecture with the variant behind (`arm64v8`); where the image has them. */
  readonly image?: string;
  readonly architecture?: string;
}

const BESIDE_THE_PROJECT = fileURLToPath(new URL('../../../../shared/corpora', import.meta.url));

/** Where the collection is. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
export const CORPORA = process.env['OCIRENDER_CORPORA'] ?? BESIDE_THE_PROJECT;

/** Why nothing can be tested, or undefined when the collection is there. */
export const ABSENT = existsSync(join(CORPORA, 'MANIFEST.tsv'))
  ? undefined
  : `there is no collection in ${CORPORA} (set OCIRENDER_CORPORA)`;

// In CI a missing collection is a failure: otherwise nobody would notice that nothing was tested.
if (ABSENT !== undefined && process.env['CI'] === 'true') throw new Error(ABSENT);

/** Reads one folder's part of the collection's table. */
export function corpusItems(folder: 'images' | 'tars' | 'malicious'): CorpusItem[] {
  if (ABSENT !== undefined) return [];
  const [head, ...lines] = readFileSync(join(CORPORA, 'MANIFEST.tsv'), 'latin1').trimEnd().split('\n');
  const columns = head!.split('\t');
  const items = lines.map((line) => {
    const cells = new Map(line.split('\t').map((cell, n) => [columns[n], cell]));
    const labels = labelsOf(cells.get('checks')!);
    const files = cells.get('listings')!.split(' ');
    const listings = files.filter((file) => file !== '-').sort((a, b) => imageNumber(a) - imageNumber(b));
    return {
      name: cells.get('file')!,
      kind: cells.get('kind')!,
      listings: listings.map((file) => ({ file, ...labels.get(file) })),
    };
  });
  return items.filter(({ name }) => name.startsWith(`${folder}/`));
}

const LABEL = /^\[(.*?)(?:\/([a-z0-9]+))?\] (?:.*, )?(\S+\.listing\.zst) /;

/** Reads `[busybox:1.38.0-glibc/amd64] NAME.listing.zst …` for each image; a name of `-` is none. */
function labelsOf(checks: string): Map<string, Omit<CorpusListing, 'file'>> {
  const labels = new Map<string, Omit<CorpusListing, 'file'>>();
  for (const part of checks.split(' | ')) {
    const match = LABEL.exec(part);
    if (match === null) continue;
    const [, image, architecture, file] = match;
    labels.set(file!, {
      ...(image === '-' ? {} : { image: image! }),
      ...(architecture === undefined ? {} : { architecture }),
    });
  }
  return labels;
}

/** `NAME.listing.zst` is of the first image, `NAME.2.listing.zst` of the second. */
function imageNumber(file: string): number {
  return Number(/\.(\d+)\.listing\.zst$/.exec(file)?.[1] ?? 1);
}
