import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Diagnostic, type Image, isOcirenderError, type Layer, type Sink } from '@ocirender/interface';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { dirSink } from '../../sink-dir/src/index.ts';
import { squashfsSink } from '../../sink-squashfs/src/index.ts';
import { tarSink } from '../../sink-tar/src/index.ts';
import { archive, member } from '../test/support/hostile-layers.ts';
import { convert } from './convert.ts';

/** How many moments are tried for each sink. */
const RUNS = Number(process.env['OCIRENDER_ABORT_RUNS'] ?? 25);

const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => {
  rejections.push(reason);
};
let image: Image;
let place: string;

beforeAll(() => {
  process.on('unhandledRejection', onRejection);
  const noise = randomBytes(1_500_000).toString('latin1');
  const upper = archive(
    member({ path: 'large', data: noise }),
    ...Array.from({ length: 300 }, (_, i) => member({ path: `d/${i}`, data: `content ${i}`.repeat(i) })),
    member({ path: 'link', type: 'hardlink', linkTarget: 'lower' }),
  );
  const lower = archive(member({ path: 'lower', data: noise.slice(0, 700_000) }), member({ path: 'large' }));
  image = { reference: 'abort', layers: [inPieces(lower), inPieces(upper)] };
});

afterAll(() => {
  process.off('unhandledRejection', onRejection);
});

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ocirender-abort-'));
});

afterEach(() => rm(place, { recursive: true, force: true }));

function inPieces(tar: Buffer): Layer {
  const stored = gzipSync(tar, { level: 1 });
  const digest = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return {
    digest: digest(stored),
    diffId: digest(tar),
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    size: stored.length,
    async *open() {
      for (let at = 0; at < stored.length; at += 50_000) {
        yield stored.subarray(at, at + 50_000);
        await turn();
      }
    },
  };
}

/** Aborts after so many turns of the event loop; then nothing may be left and nothing untrue reported. */
async function abortAt(sink: Sink, moment: number): Promise<'aborted' | 'done'> {
  const stop = new AbortController();
  const said: Diagnostic[] = [];
  const converting = convert({
    image,
    sink,
    output: join(place, 'output'),
    threads: 1 + (moment % 2),
    signal: stop.signal,
    onDiagnostic: (diagnostic) => said.push(diagnostic),
  }).then(
    () => 'done' as const,
    (error: unknown) => {
      if (isOcirenderError(error) && error.code === 'ERR_OCIRENDER_ABORTED') return 'aborted' as const;
      throw error;
    },
  );
  for (let i = 0; i < moment; i++) await turn();
  stop.abort();
  const result = await converting;
  await wait(5);
  const codes = new Set(said.map(({ code }) => code));
  codes.delete('hardlink-metadata-differs');
  codes.delete('content-reread');
  if (sink === dirSink) codes.delete('not-representable');
  expect([...codes]).toEqual([]);
  const left = (await readdir(place)).filter((name) => name !== 'output.mtree');
  expect(left).toEqual(result === 'done' ? ['output'] : []);
  expect(rejections).toEqual([]);
  await rm(place, { recursive: true });
  place = await mkdtemp(join(tmpdir(), 'ocirender-abort-'));
  return result;
}

test.each([squashfsSink, tarSink, dirSink].map((sink): [string, Sink] => [sink.name, sink]))(
  'an abort at any moment leaves nothing: %s',
  async (_, sink) => {
    // Finds how long it takes in turns, then goes through them.
    let turns = 64;
    while ((await abortAt(sink, turns)) === 'aborted') turns *= 2;
    const results = new Set<string>();
    for (let run = 0; run < RUNS; run++) results.add(await abortAt(sink, Math.floor((run * turns) / RUNS)));
    expect(results).toContain('aborted');
  },
  600_000,
);

test('a signal that is aborted already', async () => {
  for (const sink of [squashfsSink, tarSink, dirSink]) {
    const output = join(place, 'output');
    const converting = convert({ image, sink, output, signal: AbortSignal.abort() });
    await expect(converting).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    expect(await readdir(place)).toEqual([]);
  }
});
