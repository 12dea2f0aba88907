import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
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
import { FULL } from './support/sample.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** Every call that changes something. */
const CALLS = 'wsrcum';
/** With OCIRENDER_FULL=1 all calls (some 25 of each sink), and 40 moments; more than 400 points in all. */
const POINTS = FULL ? 100 : 2;
const MOMENTS = FULL ? 40 : 2;

let directory: string;
let bench: TrialBench;

beforeAll(async () => {
  console.log(`OCIRENDER_SEED=${TRIAL_SEED}`);
  directory = await makeDirectory();
  bench = await makeTrialBench(directory);
});

afterAll(() => removeDirectory(directory));

describe.each(OUTPUT_SINKS)('%s', (sink) => {
  let place: string;
  let before: Record<string, string>;
  let after: Record<string, string>;
  let most: number;
  let milliseconds: number;

  const prepare = async (): Promise<void> => {
    await rm(place, { recursive: true, force: true });
    await mkdir(place);
    await putOldOutputs(sink, place);
  };

  beforeAll(async () => {
    place = join(directory, sink);
    await prepare();
    before = await lookAt(place);
    const began = performance.now();
    const { code, calls } = await bench.convert(sink, place, { calls: CALLS, at: 0, action: 'kill' });
    expect(code).toBe(0);
    milliseconds = Math.ceil(performance.now() - began);
    most = calls;
    after = await lookAt(place);
  });

  /** Each visible name has the old content or the new one, whole. */
  const expectWhole = async (): Promise<void> => {
    const seen = await lookAt(place);
    for (const [name, digest] of Object.entries(seen)) {
      if (!name.startsWith('.')) expect([before[name], after[name]], name).toContain(digest);
    }
    // A file's name is never without a file, that of a directory only between two renames.
    expect(Object.keys(seen)).toContain('config');
    const hasOld = Object.keys(seen).some((name) => /^\.out\..*\.old$/.test(name));
    if (!hasOld) expect(Object.keys(seen)).toContain('out');
  };

  test('SIGKILL at any call leaves the old output or the new one, and the next run cleans up', async () => {
    let killed = 0;
    for (const at of [...sample(most, POINTS, `${TRIAL_SEED} ${sink} kill`), 3]) {
      await prepare();
      const { code } = await bench.convert(sink, place, { calls: CALLS, at, action: 'kill' });
      if (code === 'SIGKILL') killed++;
      await expectWhole();
      expect((await bench.convert(sink, place)).code, `call ${at} of ${most}`).toBe(0);
      expect(await lookAt(place), `call ${at} of ${most}`).toEqual(after);
    }
    expect(killed).toBeGreaterThan(0);
  });

  test('SIGKILL after any time does so too', async () => {
    for (const delay of sample(milliseconds, MOMENTS, `${TRIAL_SEED} ${sink} time`)) {
      await prepare();
      await bench.convert(sink, place, { calls: '', at: 0, action: 'kill', delay });
      await expectWhole();
      expect((await bench.convert(sink, place)).code, `${delay} ms`).toBe(0);
      expect(await lookAt(place), `${delay} ms`).toEqual(after);
    }
  });

  test('SIGTERM at any call leaves nothing of the new output, or all of it', async () => {
    for (const at of sample(most, POINTS, `${TRIAL_SEED} ${sink} term`)) {
      await prepare();
      const { code, stderr } = await bench.convert(sink, place, { calls: CALLS, at, action: 'term' });
      const where = `call ${at} of ${most}: ${stderr}`;
      if (code === 0) expect(await lookAt(place), where).toEqual(after);
      else {
        expect(code, where).toBe(143);
        expect(stderr).toContain('Error: interrupted by SIGTERM');
        expect(await lookAt(place), where).toEqual(before);
      }
      expect((await readdir(place)).sort()).toEqual(['config', 'out']);
    }
  });
});

test('SIGTERM while an old directory is removed is too late, and says so', async () => {
  const place = join(directory, 'late');
  await mkdir(join(place, 'out'), { recursive: true });
  for (let i = 0; i < 100; i++) await writeFile(join(place, 'out', String(i)), '');
  const fault = { calls: 'u', at: 20, action: 'term' } as const;
  const { code, calls, stderr } = await bench.convert('dir', place, fault);
  expect(calls).toBeGreaterThan(100);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('Interrupted too late: the output is in place.');
  expect((await readdir(place)).sort()).toEqual(['config', 'out']);
  expect(await readdir(join(place, 'out'))).toContain('usr');
});
