import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReadTree } from '../../packages/sink-compliance/src/index.ts';
import { must } from '../support/run.ts';
import { listTree } from '../support/trees.ts';
import { makeDirectory, removeDirectory } from '../support/work-directory.ts';
import { type Expectation, MALICIOUS } from './expectations.ts';
import { ABSENT, CORPORA, type CorpusItem, corpusItems } from './support/collection.ts';
import { compareWithListing, convertTo } from './support/conversion.ts';
import { readListing } from './support/corpus-listing.ts';
import { wrapTar } from './support/wrap-tar.ts';

/** Bound on one conversion, in ms. */
const PATIENCE = 60_000;

const items = corpusItems('malicious').map((item): [string, CorpusItem] => [basename(item.name), item]);

if (ABSENT !== undefined) test.skip(`malicious: ${ABSENT}`, () => {});

test.runIf(ABSENT === undefined)('the table names only files that are there', () => {
  const names = new Set(items.map(([name]) => name));
  expect(Object.keys(MALICIOUS).filter((name) => !names.has(name))).toEqual([]);
});

describe.each(items)('%s', (name, item) => {
  const expectation: Expectation = MALICIOUS[name] ?? { why: 'what the listing says' };
  let directory: string;
  let image: string;
  let guarded: string;

  beforeAll(async () => {
    directory = await makeDirectory();
    image = join(directory, 'image');
    guarded = join(directory, 'guarded');
    await mkdir(join(guarded, 'tmp/nested'), { recursive: true });
    for (const path of ['todo.txt', 'tmp/todo.txt', 'tmp/moo']) await writeFile(join(guarded, path), path);
    const path = join(CORPORA, item.name);
    if (item.kind.startsWith('tar')) await wrapTar(path, image);
    else image = path;
  });

  afterAll(() => removeDirectory(directory));

  test.each([false, true])(`with lenient = %s: ${expectation.why}`, async (lenient) => {
    const output = join(guarded, 'tmp/nested/output');
    const before = await listTree(guarded);
    const began = Date.now();
    const conversion = convertTo('dir', image, output, { lenient, signal: AbortSignal.timeout(PATIENCE) });
    const { refused } = expectation;
    const isTree = refused === undefined || (lenient && expectation.lenient === 'tree');
    if (isTree) {
      const report = await conversion;
      const tree = await listTree(output);
      await expectNoTrace(tree, began);
      const [listing] = item.listings;
      if (listing !== undefined) {
        const expected = await readListing(join(CORPORA, 'malicious', listing.file));
        expect(compareWithListing(tree, expected, 'dir')).toEqual([]);
      } else {
        const files = Object.keys(expectation.sizes ?? {});
        expect(report.tree).toMatchObject({ entries: files.length + 1, files: files.length });
        for (const file of files) expect(tree.get(file)?.size).toBe(expectation.sizes?.[file]);
      }
      await must('rm', ['-rf', output]);
    } else {
      await expect(conversion).rejects.toMatchObject({ code: refused });
    }
    expect(withoutTimes(await listTree(guarded))).toEqual(withoutTimes(before));
  });
});

/** Expects that nothing of a tree was written under the same path from the real root. */
async function expectNoTrace(tree: ReadTree, began: number): Promise<void> {
  for (const [path, { type }] of tree) {
    if (type === 'directory') continue;
    const real = await lstat(Buffer.from(`/${path}`, 'latin1')).catch(() => undefined);
    if (real !== undefined) expect(real.ctimeMs, path).toBeLessThan(began);
  }
}

/** The place of the output changes its time when the output comes and goes. */
function withoutTimes(tree: ReadTree): ReadTree {
  return new Map(
    [...tree].map(([path, entry]) => [
      path,
      entry.type === 'directory' ? { ...entry, mtime: 0, mtimeNs: 0 } : entry,
    ]),
  );
}
