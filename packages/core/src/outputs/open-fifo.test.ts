import { spawnSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFifo } from './open-fifo.ts';
import { StreamOutput } from './stream-output.ts';

let directory: string;
let fifo: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ocirender-fifo-'));
  fifo = join(directory, 'fifo');
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('waits for a reader and hands it everything', async () => {
  const opening = openFifo(fifo, undefined);
  const reader = createReadStream(fifo);
  const stream = new StreamOutput(await opening, undefined, true);
  const { output } = stream;
  if (output.kind !== 'stream') throw new Error('no stream');
  const reading = (async () => {
    let bytes = 0;
    for await (const chunk of reader) bytes += (chunk as Buffer).length;
    return bytes;
  })();
  // More than a pipe holds.
  for (let i = 0; i < 10; i++) await output.write(new Uint8Array(50_000));
  await stream.end();
  stream.release();
  expect(await reading).toBe(500_000);
});

it('stops waiting for a reader, and for one that does not read on', async () => {
  const stop = new AbortController();
  const opening = openFifo(fifo, stop.signal);
  stop.abort();
  await expect(opening).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });

  const again = new AbortController();
  const secondOpening = openFifo(fifo, again.signal);
  const idle = createReadStream(fifo, { highWaterMark: 1 });
  await new Promise((resolve) => idle.once('open', resolve));
  const stream = new StreamOutput(await secondOpening, again.signal, true);
  const { output } = stream;
  if (output.kind !== 'stream') throw new Error('no stream');
  const writing = output.write(new Uint8Array(1_000_000));
  again.abort();
  await expect(writing).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  stream.release();
  idle.destroy();
});
