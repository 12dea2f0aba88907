import { lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { must } from '../support/run.ts';
import { duePairs } from '../support/sample.ts';
import { makeDirectory, removeDirectory } from '../support/work-directory.ts';
import { type Expectation, TARS } from './expectations.ts';
import { ABSENT, CORPORA, type CorpusItem, corpusItems } from './support/collection.ts';
import { convertTo, differences, SINK_NAMES, type SinkName } from './support/conversion.ts';
import { readListing } from './support/corpus-listing.ts';
import { wrapTar } from './support/wrap-tar.ts';

const items = duePairs(corpusItems('tars'), SINK_NAMES).map(
  ([item, sinks]): [string, CorpusItem, SinkName[]] => [basename(item.name), item, sinks],
);

if (ABSENT !== undefined) test.skip(`tars: ${ABSENT}`, () => {});

test.runIf(ABSENT === undefined)('the table names only files that are there', () => {
  const names = new Set(items.map(([name]) => name));
  expect(Object.keys(TARS).filter((name) => !names.has(name))).toEqual([]);
});

describe.each(items)('%s', (name, item, sinks) => {
  const expectation: Expectation = TARS[name] ?? { why: 'what the listing says' };
  let directory: string;
  let image: string;

  beforeAll(async () => {
    directory = await makeDirectory();
    image = join(directory, 'image');
    await wrapTar(join(CORPORA, item.name), image);
  });

  afterAll(() => removeDirectory(directory));

  test.each(sinks)(`to %s: ${expectation.why}`, async (sink) => {
    const output = join(directory, `output-${sink}`);
    const { refused, lenient, limits, sizes } = expectation;
    if (refused !== undefined) {
      await expect(convertTo(sink, image, output)).rejects.toMatchObject({ code: refused });
      if (lenient === 'refused') {
        await expect(convertTo(sink, image, output, { lenient: true })).rejects.toMatchObject({
          code: refused,
        });
      }
      if (lenient !== 'tree' && limits === undefined) return;
    }
    const settings = { lenient: lenient === 'tree', ...(limits && { limits }) };
    const [listing] = item.listings;
    if (listing !== undefined) {
      const expected = await readListing(join(CORPORA, 'tars', listing.file));
      const allowed = expectation.differences?.[sink] ?? [];
      expect(await differences(sink, image, expected, directory, settings)).toEqual(allowed);
      return;
    }
    const report = await convertTo(sink, image, output, settings);
    if (sizes !== undefined) {
      const files = Object.keys(sizes);
      const bytes = files.reduce((sum, file) => sum + sizes[file]!, 0);
      expect(report.tree).toMatchObject({ entries: files.length + 1, files: files.length, bytes });
      if (sink === 'dir') {
        const found = await Promise.all(files.map(async (file) => (await lstat(join(output, file))).size));
        expect(found).toEqual(Object.values(sizes));
      }
    }
    await must('rm', ['-rf', output]);
  });
});
