import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HeaderEvent, LayerKey, ReadingLimits } from '@ocirender/overlay';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertDemo, KINDS } from '../test/convert-demo.js';
import * as entries from '../test/entries.js';
import { LayerCache } from './layer-cache.ts';

const PROGRAM = fileURLToPath(new URL('../test/keep-forever.js', import.meta.url));
/** 300 by hand: OCIRENDER_KILLS=300. */
const KILLS = Number(process.env['OCIRENDER_KILLS'] ?? 15);
/** 60 by hand: OCIRENDER_SECONDS=60. */
const SECONDS = Number(process.env['OCIRENDER_SECONDS'] ?? 3);

const keyOf = entries.keyOf as (number: number) => LayerKey;
const eventsOf = entries.eventsOf as (number: number) => HeaderEvent[];
const LIMITS: ReadingLimits = entries.LIMITS;

let directory: string;
let running: ChildProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-layer-cache-'));
});
afterEach(async () => {
  for (const child of running) await kill(child);
  running = [];
  await rm(directory, { recursive: true });
  // Outputs that were not finished.
  for (const name of await readdir(tmpdir())) {
    if (name.includes(basename(directory))) await rm(join(tmpdir(), name), { force: true });
  }
});

function start(what: 'write' | 'prune' | 'convert'): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, directory, what], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Looks everything up that there may be; what is known must be what was kept. */
async function look(cache: LayerCache): Promise<number> {
  let known = 0;
  for (let number = 0; number < 40; number++) {
    const found = await cache.findHeaders(keyOf(number), LIMITS, true);
    if (found === undefined) continue;
    known++;
    expect(found.tarBytes).toBe(number);
    expect([...found.events()]).toEqual(eventsOf(number));
  }
  return known;
}

it(`writers that are killed leave nothing that is used: ${KILLS} times`, async () => {
  const told: unknown[] = [];
  const cache = await LayerCache.open(directory, { diagnose: (diagnostic) => told.push(diagnostic) });
  let known = 0;
  for (let kills = 0; kills < KILLS; kills++) {
    const child = start('write');
    await once(child.stdout!, 'data');
    await sleep(Math.random() * 60);
    await kill(child);
    known += await look(cache);
    if (kills % 5 === 4) await (await LayerCache.open(directory)).prune({ all: true });
  }
  expect(known).toBeGreaterThan(0);
  expect(told).toEqual([]);
}, 600_000);

it(`two writers, one who removes and one who looks do not disturb each other: ${SECONDS} s`, async () => {
  const told: unknown[] = [];
  const cache = await LayerCache.open(directory, { diagnose: (diagnostic) => told.push(diagnostic) });
  const children = [start('write'), start('write'), start('prune')];
  let known = 0;
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
    known += await look(cache);
    expect(children.map(({ exitCode }) => exitCode)).toEqual([null, null, null]);
  }
  expect(known).toBeGreaterThan(20);
  expect(told).toEqual([]);
}, 600_000);

/** Converts every kind, and compares it with what no cache had to do with. */
async function convertAll(cache: LayerCache, clean: readonly Buffer[]): Promise<void> {
  for (let kind = 0; kind < KINDS; kind++) {
    const output = `${directory}.own`;
    await convertDemo(output, cache, kind);
    expect((await readFile(output)).equals(clean[kind]!)).toBe(true);
    await rm(output);
  }
}

async function cleanImages(): Promise<Buffer[]> {
  const images: Buffer[] = [];
  for (let kind = 0; kind < KINDS; kind++) {
    await convertDemo(`${directory}.own`, undefined, kind);
    images.push(await readFile(`${directory}.own`));
    await rm(`${directory}.own`);
  }
  return images;
}

it(`conversions that are killed leave nothing that is used: ${KILLS} times`, async () => {
  const clean = await cleanImages();
  const told: unknown[] = [];
  for (let kills = 0; kills < KILLS; kills++) {
    const child = start('convert');
    await once(child.stdout!, 'data');
    await sleep(Math.random() * 200);
    await kill(child);
    const cache = await LayerCache.open(directory, { diagnose: (diagnostic) => told.push(diagnostic) });
    await convertAll(cache, clean);
    if (kills % 2 === 1) await cache.prune({ all: true });
  }
  expect(told).toEqual([]);
}, 900_000);

it(`two who convert, one who removes and one who looks do not disturb each other: ${SECONDS} s`, async () => {
  const clean = await cleanImages();
  const told: unknown[] = [];
  const children = [start('convert'), start('convert'), start('prune')];
  let turns = 0;
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end; turns++) {
    const cache = await LayerCache.open(directory, { diagnose: (diagnostic) => told.push(diagnostic) });
    await convertAll(cache, clean);
    expect(children.map(({ exitCode }) => exitCode)).toEqual([null, null, null]);
  }
  expect(turns).toBeGreaterThan(2);
  expect(told).toEqual([]);
}, 600_000);
