import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, loadCases } from '../packages/core/test/support/case-fixtures.ts';
import { type CaseReading, compareCase } from '../packages/core/test/support/compare-case.ts';
import { ocirender, SINKS } from './support/cli.ts';
import { duePairs } from './support/sample.ts';
import { readOutput } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** Beginnings of the names of the xattrs that Linux stores. */
const LINUX_XATTRS = ['user.', 'trusted.', 'security.'];

let directory: string;

beforeAll(async () => {
  directory = await makeDirectory();
});

afterAll(() => removeDirectory(directory));

// Tars are extracted case by case in e2e/sink-tar, and read in process.
const ROOT_SINKS = SINKS.filter(([sink]) => sink !== 'tar');

describe.each(
  duePairs(loadCases(), ROOT_SINKS).map(([item, sinks]): [string, Case, typeof ROOT_SINKS] => [
    item.name,
    item,
    sinks,
  ]),
)('%s', (name, { image, outcome }, sinks) => {
  test.each(sinks)('as root to %s', async (sink, ending) => {
    const reading: CaseReading = { wholeSeconds: sink === 'squashfs', xattrPrefixes: LINUX_XATTRS };
    const place = join(directory, `${sink}-${name}`);
    await mkdir(place);
    const output = join(place, `output${ending}`);
    const { code, stderr } = await ocirender([
      'convert',
      image,
      '--sink',
      sink,
      '--output',
      output,
      '--progress',
      'none',
    ]);
    if (outcome.tree === undefined) {
      expect(code, stderr).toBe(1);
      expect(await readdir(place)).toEqual([]);
      return;
    }
    expect(code, stderr).toBe(0);
    // Beside a directory a file may say what the file system cannot hold.
    const names = (await readdir(place)).filter((entry) => sink !== 'dir' || entry !== 'output.mtree');
    expect(names).toEqual([`output${ending}`]);
    expect(compareCase(await readOutput(sink, output, directory), outcome.tree, reading)).toEqual([]);
  });
});
