import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOcirenderError, type Sink } from '@ocirender/interface';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReadTree } from '../../sink-compliance/src/index.ts';
import { dirSink } from '../../sink-dir/src/index.ts';
import { readOutput } from '../../sink-dir/test/read-output.ts';
import { erofsSink } from '../../sink-erofs/src/index.ts';
import { readErofs } from '../../sink-erofs/src/testing/read-erofs.ts';
import { ext4Sink } from '../../sink-ext4/src/index.ts';
import { readExt4 } from '../../sink-ext4/src/testing/read-tree.ts';
import { squashfsSink } from '../../sink-squashfs/src/index.ts';
import { tarSink } from '../../sink-tar/src/index.ts';
import { readTarTree } from '../../sink-tar/test/read-tar-tree.ts';
import { loadCases } from '../test/support/case-fixtures.ts';
import { type CaseReading, compareCase } from '../test/support/compare-case.ts';
import { readSquashfs } from '../test/support/read-squashfs.ts';
import { convert } from './convert.ts';

interface Target {
  readonly sink: Sink;
  readonly read: (path: string) => Promise<ReadTree>;
  readonly reading: CaseReading;
}

/** A directory written without root is read together with the mtree file beside it: nothing may be missing. */
const targets: readonly Target[] = [
  {
    sink: squashfsSink,
    read: readSquashfs,
    reading: { wholeSeconds: true, xattrPrefixes: ['user.', 'trusted.', 'security.'] },
  },
  {
    sink: ext4Sink,
    read: readExt4,
    reading: { xattrPrefixes: ['user.', 'trusted.', 'security.', 'system.posix_acl_'] },
  },
  { sink: erofsSink, read: readErofs, reading: { xattrPrefixes: ['user.', 'trusted.', 'security.'] } },
  { sink: tarSink, read: readTarTree, reading: {} },
  { sink: dirSink, read: readOutput, reading: {} },
];

let place: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ocirender-case-'));
});

afterEach(() => rm(place, { recursive: true, force: true }));

describe.each(targets.map((target): [string, Target] => [target.sink.name, target]))('to %s', (_, target) => {
  const { sink, read, reading } = target;

  test.each(loadCases().map(({ name, ...rest }) => [name, rest] as const))(
    '%s',
    async (_name, { image, outcome }) => {
      const output = join(place, 'output');
      const converting = convert({ image, sink, output, threads: 1 });
      if (outcome.tree === undefined) {
        const error = await converting.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(isOcirenderError(error), String(error)).toBe(true);
        expect((error as { code: string }).code).toMatch(outcome.code);
        expect(await readdir(place)).toEqual([]);
        return;
      }
      await converting;
      expect(compareCase(await read(output), outcome.tree, reading)).toEqual([]);
    },
  );
});
