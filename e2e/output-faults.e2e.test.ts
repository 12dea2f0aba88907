import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  lookAt,
  makeTrialBench,
  OUTPUT_SINKS,
  putOldOutputs,
  sample,
  TRIAL_SEED,
  type TrialBench,
} from './support/output-trial.ts';
import { must } from './support/run.ts';
import { FULL } from './support/sample.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const CALLS = { w: 'write', s: 'fsync', r: 'rename', c: 'close' } as const;

let directory: string;
let bench: TrialBench;

beforeAll(async () => {
  console.log(`OCIRENDER_SEED=${TRIAL_SEED}`);
  directory = await makeDirectory();
  bench = await makeTrialBench(directory);
});

afterAll(() => removeDirectory(directory));

/** An empty directory. */
async function emptyPlace(name: string): Promise<string> {
  const place = join(directory, name);
  await rm(place, { recursive: true, force: true });
  await mkdir(place);
  return place;
}

describe.each(OUTPUT_SINKS)('%s', (sink) => {
  test.each(Object.entries(CALLS))(
    'EIO: each failing %s (%s) leaves what was there, or all is done',
    async (calls) => {
      const complete = await emptyPlace(`${sink}-complete`);
      await putOldOutputs(sink, complete);
      const { calls: most, code } = await bench.convert(sink, complete, { calls, at: 0, action: 'eio' });
      expect(code).toBe(0);
      expect(most).toBeGreaterThan(1);
      const after = await lookAt(complete);
      let failures = 0;
      for (const at of [...sample(most, FULL ? 40 : 2, `${TRIAL_SEED} ${sink} ${calls}`), 1]) {
        const place = await emptyPlace(`${sink}-eio`);
        await putOldOutputs(sink, place);
        const before = await lookAt(place);
        const result = await bench.convert(sink, place, { calls, at, action: 'eio' });
        if (result.code === 0) expect(await lookAt(place), `call ${at}`).toEqual(after);
        else {
          failures++;
          expect(result.code, `call ${at}`).toBe(1);
          expect(result.stderr).toMatch(/^Error: .*EIO: i\/o error/m);
          expect(result.stderr).not.toMatch(/^\s+at /m);
          expect(await lookAt(place), `call ${at}`).toEqual(before);
        }
      }
      // A name that cannot be linked is renamed instead: only renames may all have gone well.
      if (calls !== 'r') expect(failures).toBeGreaterThan(0);
    },
  );

  test('ENOSPC: on a disk of any size, all is there or what was there', async () => {
    const complete = await emptyPlace(`${sink}-complete`);
    expect((await bench.convert(sink, complete)).code).toBe(0);
    const after = await lookAt(complete);
    let failures = 0;
    for (const step of [1, ...sample(20, FULL ? 20 : 2, `${TRIAL_SEED} ${sink} disk`)]) {
      const place = await emptyPlace(`${sink}-disk`);
      await must('mount', ['-t', 'tmpfs', '-o', `size=${step * 40}k`, 'tmpfs', place]);
      try {
        await putOldOutputs(sink, place);
        const before = await lookAt(place);
        const { code, stderr } = await bench.convert(sink, place);
        if (code === 0) expect(await lookAt(place), `${step * 40} KiB`).toEqual(after);
        else {
          failures++;
          expect(code).toBe(1);
          expect(stderr).toMatch(/ENOSPC/);
          expect(stderr).toMatch(/^Hint: /m);
          expect(stderr).not.toMatch(/^\s+at /m);
          expect(await lookAt(place), `${step * 40} KiB`).toEqual(before);
        }
      } finally {
        await must('umount', [place]);
      }
    }
    expect(failures).toBeGreaterThan(0);
  });

  test('no inode left: what was there stays', async () => {
    const place = await emptyPlace(`${sink}-inodes`);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=4m,nr_inodes=4', 'tmpfs', place]);
    try {
      await putOldOutputs(sink, place);
      const before = await readdir(place);
      const { code, stderr } = await bench.convert(sink, place);
      expect(code).toBe(1);
      expect(stderr).toMatch(/ENOSPC/);
      expect(await readdir(place)).toEqual(before);
    } finally {
      await must('umount', [place]);
    }
  });
});
