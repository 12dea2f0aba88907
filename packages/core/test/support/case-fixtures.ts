import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CHOSEN_OUTCOMES, type ChosenOutcome } from './chosen-outcomes.ts';

/** Text, or what identifies bytes that are long or not text. */
export type ExpectedBytes = string | { readonly sha256: string; readonly len: number };

/** The facts that a case names about one path; others are not compared. */
export interface ExpectedEntry {
  readonly type: 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  /** Nanoseconds since the epoch, as text: more than a number holds. */
  readonly mtime_ns?: string;
  readonly size?: number;
  readonly data?: ExpectedBytes;
  readonly link?: string;
  readonly dev?: readonly [number, number];
  readonly xattrs?: Readonly<Record<string, ExpectedBytes>>;
  readonly hard?: string;
  readonly nothard?: string;
}

/** Paths as text; `.` is the root. */
export type ExpectedCaseTree = Readonly<Record<string, ExpectedEntry>>;

/** One case, with what must come out of it. */
export interface Case {
  readonly name: string;
  /** Reference of the image. */
  readonly image: string;
  readonly outcome: ChosenOutcome;
}

const DIRECTORY = fileURLToPath(new URL('../fixtures/cases/', import.meta.url));

/** Loads all cases. */
export function loadCases(): Case[] {
  return readdirSync(DIRECTORY)
    .sort()
    .map((name) => ({ name, image: `${DIRECTORY}${name}/image:latest`, outcome: outcomeOf(name) }));
}

function outcomeOf(name: string): ChosenOutcome {
  // JSON.parse would round nanoseconds since the epoch.
  const json = readFileSync(`${DIRECTORY}${name}/expect.json`, 'utf8').replace(
    /("mtime_ns": )(-?\d+)/g,
    '$1"$2"',
  );
  const expected = JSON.parse(json) as { outcome: 'tree' | 'error' | 'free'; tree: ExpectedCaseTree | null };
  if (expected.outcome === 'error')
    return { code: CHOSEN_OUTCOMES[name]?.code ?? /./, why: 'the case says so' };
  if (expected.outcome === 'tree') return { tree: expected.tree!, why: 'the case says so' };
  const chosen = CHOSEN_OUTCOMES[name];
  if (chosen === undefined) throw new Error(`no outcome is chosen for ${name}`);
  return chosen.code === undefined && chosen.tree === undefined
    ? { ...chosen, tree: expected.tree! }
    : chosen;
}
