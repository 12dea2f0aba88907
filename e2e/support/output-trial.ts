import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SINKS, startOcirender } from './cli.ts';
import { fileDigest } from './file-digest.ts';
import { type Finished, finished, must } from './run.ts';
import { ROTATION } from './sample.ts';

const FAULT_SOURCE = fileURLToPath(new URL('../fixtures/fault.c', import.meta.url));
const EROFS = fileURLToPath(new URL('../../packages/sink-erofs', import.meta.url));

/** An image of three layers and 150 kB: a conversion takes half a second. */
export const DEMO_IMAGE: string = fileURLToPath(new URL('../../examples/demo/image', import.meta.url));

/** Every sink that makes a file or directory. */
export const OUTPUT_SINKS: readonly string[] = [...SINKS.map(([sink]) => sink), 'erofs'];

/** A day: no conversion of this image takes that long. */
const NEVER = 86_400_000;

/** Decides which points are tried: others in each run. */
export const TRIAL_SEED: string = String(ROTATION);

/** What is to happen to a conversion; see `fixtures/fault.c`. */
export interface Fault {
  /** Kinds of calls that count. */
  readonly calls: string;
  /** The how-manieth is hit. */
  readonly at: number;
  readonly action: 'eio' | 'kill' | 'term';
  /** Milliseconds after which SIGKILL comes all the same. */
  readonly delay?: number;
}

/** How a conversion ended, and how many calls it made. */
export interface Tried extends Finished {
  readonly calls: number;
}

/** What outputs are tried with. */
export interface TrialBench {
  /** Converts the demo image to `PLACE/out` and `PLACE/config`, replacing what is there. */
  readonly convert: (sink: string, place: string, fault?: Fault) => Promise<Tried>;
}

/** Builds the library that makes calls fail, and links the plugin for EROFS. */
export async function makeTrialBench(directory: string): Promise<TrialBench> {
  const library = join(directory, 'fault.so');
  await must('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, FAULT_SOURCE, '-ldl']);
  const data = await mkdtemp(join(tmpdir(), 'ocirender-data-'));
  const plugins = [{ name: '@ocirender/sink-erofs', type: 'link', root: EROFS }];
  await writeFile(join(data, 'package.json'), JSON.stringify({ oclif: { schema: 1, plugins } }));
  const counts = join(directory, 'count');
  return {
    async convert(sink, place, fault = { calls: '', at: 0, action: 'eio' }) {
      await writeFile(counts, '0');
      const environment = {
        ...(process.env as Record<string, string>),
        OCIRENDER_DATA_DIR: data,
        LD_PRELOAD: library,
        FAULT_PLACE: place,
        FAULT_CALLS: fault.calls,
        FAULT_AT: String(fault.at),
        FAULT_ACTION: fault.action,
        FAULT_COUNT: counts,
      };
      const args = ['convert', DEMO_IMAGE, '-s', sink, '-o', join(place, 'out')];
      const more = ['--config-out', join(place, 'config'), '--replace-directory', '--progress', 'none'];
      const child = startOcirender([...args, ...more], { env: environment });
      const timer = setTimeout(() => child.kill('SIGKILL'), fault.delay ?? NEVER);
      const ended = await finished(child);
      clearTimeout(timer);
      return { ...ended, calls: Number(await readFile(counts, 'utf8')) };
    },
  };
}

/** Puts older outputs in place. */
export async function putOldOutputs(sink: string, place: string): Promise<void> {
  const output = join(place, 'out');
  if (sink === 'dir') {
    await mkdir(join(output, 'old'), { recursive: true });
    for (const path of [join(output, 'old'), output]) await utimes(path, 1, 1);
  } else await writeFile(output, 'old');
  await writeFile(join(place, 'config'), 'old');
}

/** Gives a digest of everything in a directory, by name. */
export async function lookAt(place: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const name of (await readdir(place)).sort()) {
    const path = join(place, name);
    if ((await stat(path)).isDirectory()) {
      const script = 'tar --sort=name --format=gnu --numeric-owner -C "$1" -cf - "$2" | sha256sum';
      seen[name] = (await must('sh', ['-c', script, 'sh', place, name])).slice(0, 64);
    } else seen[name] = await fileDigest(path);
  }
  return seen;
}

/** Picks numbers from 1 to `most`, as a seed decides. */
export function sample(most: number, count: number, seed: string): number[] {
  if (most <= count) return Array.from({ length: most }, (_, i) => i + 1);
  const picked = new Set<number>();
  for (let i = 0; picked.size < count; i++) {
    const digest = createHash('sha256').update(`${seed} ${i}`).digest();
    picked.add(1 + (digest.readUInt32LE(0) % most));
  }
  return [...picked].sort((a, b) => a - b);
}
