import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatPlatform, type ListedImage } from '../../packages/oci-layout/src/index.ts';
import { listSourceImages, openSource } from '../../packages/sources/src/index.ts';
import { must } from '../support/run.ts';
import { duePairs } from '../support/sample.ts';
import { makeDirectory, removeDirectory } from '../support/work-directory.ts';
import { ABSENT, CORPORA, type CorpusItem, type CorpusListing, corpusItems } from './support/collection.ts';
import { differences, SINK_NAMES, type SinkName } from './support/conversion.ts';
import { readListing } from './support/corpus-listing.ts';

if (ABSENT !== undefined) test.skip(`images: ${ABSENT}`, () => {});

const items = duePairs(corpusItems('images'), SINK_NAMES).map(
  ([item, sinks]): [string, CorpusItem, SinkName[]] => [item.name, item, sinks],
);

describe.each(items)('%s', (name, { kind, listings }, sinks) => {
  const path = join(CORPORA, name);
  const isArchive = !kind.startsWith('oci-dir');
  let scratch: string;
  let image = path;

  beforeAll(async () => {
    scratch = await makeDirectory();
    if (!isArchive) image = await withLinks(path, join(scratch, 'image'));
  });

  afterAll(() => removeDirectory(scratch));

  test.runIf(isArchive)('unpacked it is the same images', async () => {
    const directory = join(scratch, 'unpacked');
    await mkdir(directory);
    await must('tar', ['-xf', path, '-C', directory]);
    expect(await listSourceImages(path)).toEqual(await listSourceImages(directory));
  });

  test.each(sinks)('to %s: each image is what its listing says', async (sink) => {
    const images = await presentImages(image);
    for (const [n, listing] of listings.entries()) {
      const { reference, platform } = images.find((present) => isOf(listing, present)) ?? images[n]!;
      const expected = await readListing(join(CORPORA, 'images', listing.file));
      const settings = platform === undefined ? {} : { platform: formatPlatform(platform) };
      expect(await differences(sink, reference, expected, scratch, settings), listing.file).toEqual([]);
    }
  });
});

/** A checkout without symbolic links leaves their targets as text: gives a copy that has the links again, if need be. */
async function withLinks(layout: string, copy: string): Promise<string> {
  const blobs = join('blobs', 'sha256');
  const targets: [string, string][] = [];
  for (const name of await readdir(join(layout, blobs)).catch((): string[] => [])) {
    const blob = join(layout, blobs, name);
    if ((await stat(blob)).size > 255) continue;
    const text = await readFile(blob, 'latin1');
    if (/^\.\.\/[\w./-]+$/.test(text)) targets.push([name, text]);
  }
  if (targets.length === 0) return layout;
  await must('cp', ['-r', layout, copy]);
  await must('chmod', ['-R', 'u+w', copy]);
  for (const [name, target] of targets) await must('ln', ['-sfn', target, join(copy, blobs, name)]);
  return copy;
}

type PresentImage = Pick<ListedImage, 'names' | 'platform'> & { readonly reference: string };

/** Lists the images that differ in their layers, in the order of the listings. */
async function presentImages(path: string): Promise<PresentImage[]> {
  const images = new Map<string, PresentImage>();
  for (const { digest, names, platform, present } of await listSourceImages(path)) {
    if (!present) continue;
    const reference = `${path}@${digest}`;
    const image = await openSource(reference, platform === undefined ? {} : { platform });
    const chain = image.layers.map((layer) => layer.digest).join();
    await image.close?.();
    if (!images.has(chain)) images.set(chain, { reference, names, ...(platform && { platform }) });
  }
  return [...images.values()];
}

/** Whether a listing names this image; those of images without name and platform go by their order. */
function isOf({ image, architecture }: CorpusListing, { names, platform }: PresentImage): boolean {
  if (image === undefined && architecture === undefined) return false;
  if (image !== undefined && !names.includes(image)) return false;
  return (
    architecture === undefined || architecture === `${platform?.architecture ?? ''}${platform?.variant ?? ''}`
  );
}
