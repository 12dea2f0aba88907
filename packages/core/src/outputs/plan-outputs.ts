import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { OcirenderError } from '@ocirender/interface';
import { ioError } from '../io-error.ts';
import { admitTarget, type ReplacePermission, type WantedOutput, type Way } from './admit-target.ts';
import { removeLeftovers } from './leftovers.ts';
import { type Place, placeOf, relationOf } from './place.ts';
import { type Target, targetAt } from './target.ts';

/** All that a run is to write, and what it reads. */
export interface OutputRequest extends ReplacePermission {
  /** The sink's file or directory, if it makes one. */
  readonly main:
    | (Pick<WantedOutput, 'name' | 'kind' | 'streams'> & {
        /** Endings of files that the sink may write beside it. */
        readonly sidecars: readonly string[];
      })
    | undefined;
  /** File for the image's config. */
  readonly config: string | undefined;
  /** Files and directories that the run reads. */
  readonly inputs: readonly string[];
}

/** One output, looked at. */
export interface PlannedOutput {
  /** Absolute path. */
  readonly target: string;
  readonly kind: 'file' | 'directory';
  readonly way: Way;
  /** Whether what is there may be replaced. */
  readonly force: boolean;
  /** What was there. */
  readonly found: Target;
  /** Bytes that temporary names leave for endings. */
  readonly room: number;
}

/** All outputs of a run. */
export interface OutputPlan {
  readonly main: PlannedOutput | undefined;
  /** By ending. */
  readonly sidecars: ReadonlyMap<string, PlannedOutput>;
  readonly config: PlannedOutput | undefined;
}

interface Candidate {
  readonly wanted: WantedOutput;
  /** Absolute path. */
  readonly target: string;
  readonly found: Target;
  readonly place: Place;
}

/** Longest name of a file on nearly every filesystem. */
const MAX_NAME = 255;

/**
 * Looks at all places that a run will write to, before it reads anything.
 *
 * @param request - outputs and inputs
 * @returns the plan; nothing is written yet, only what killed runs left there is gone
 * @throws {OcirenderError} `ERR_OCIRENDER_OUTPUT_EXISTS` for what may not be replaced, `ERR_OCIRENDER_USAGE` for outputs that are
 * (in) each other, the input or around the current directory, `ERR_OCIRENDER_IO` for what cannot be written
 */
export async function planOutputs(request: OutputRequest): Promise<OutputPlan> {
  const { main, config } = request;
  const may = { ...request, force: request.force || request.replaceDirectory };
  const inputs = await placesOf(request.inputs);
  const others: Candidate[] = [];
  const plan = async (wanted: WantedOutput, room: number): Promise<PlannedOutput> => {
    const candidate = await locate(wanted, room);
    // First what no flag allows: a message must not name one for what it will not do.
    await refuseCurrentDirectory(candidate);
    refuseInputs(candidate, inputs);
    for (const other of others) refuseTogether(candidate, other);
    others.push(candidate);
    return admit(candidate, room, may);
  };
  const sidecars = new Map<string, PlannedOutput>();
  let planned: PlannedOutput | undefined;
  if (main !== undefined) {
    const room = Math.max(0, ...main.sidecars.map((ending) => Buffer.byteLength(ending)));
    planned = await plan({ ...main, what: 'the output' }, room);
    for (const ending of main.sidecars) {
      const name = main.name.replace(/\/+$/, '') + ending;
      // The sink may not need it; then a name that is too long for it does no harm.
      if (Buffer.byteLength(basename(name)) > MAX_NAME) continue;
      sidecars.set(ending, await plan({ name, what: 'the side file', kind: 'file', streams: false }, 0));
    }
  }
  if (config === undefined) return { main: planned, sidecars, config };
  const file: WantedOutput = { name: config, what: 'the file for the config', kind: 'file', streams: false };
  return { main: planned, sidecars, config: await plan(file, 0) };
}

async function locate(wanted: WantedOutput, room: number): Promise<Candidate> {
  const { name, what } = wanted;
  const target = resolve(name);
  const length = Buffer.byteLength(basename(target));
  if (length > MAX_NAME) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `the name of ${what} is ${length} bytes long, and can have ${MAX_NAME}`,
    );
  }
  await requireDirectory(dirname(target), what);
  await removeLeftovers(target, room);
  const found = await targetAt(target);
  return { wanted, target, found, place: await placeOf(target, found.kind === 'directory') };
}

async function admit(
  { wanted, target, found, place }: Candidate,
  room: number,
  may: ReplacePermission,
): Promise<PlannedOutput> {
  const way = admitTarget(wanted, found, place, may);
  await requireWritable(way === 'rename' ? dirname(target) : target, wanted.what);
  return { target, kind: wanted.kind, way, found, room, force: may.force };
}

async function requireDirectory(directory: string, what: string): Promise<void> {
  const stats = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw ioError(error, `cannot look at the place of ${what}`);
  });
  if (stats?.isDirectory() === true) return;
  const state = stats === undefined ? 'does not exist' : 'is no directory';
  throw new OcirenderError('ERR_OCIRENDER_IO', `the directory "${directory}" of ${what} ${state}`, {
    hint: 'Create it first.',
  });
}

async function requireWritable(path: string, what: string): Promise<void> {
  try {
    const isDirectory = (await stat(path)).isDirectory();
    await access(path, isDirectory ? constants.W_OK | constants.X_OK : constants.W_OK);
  } catch (error) {
    throw ioError(error, `${what} cannot be written at "${path}"`);
  }
}

async function refuseCurrentDirectory({ wanted, place }: Candidate): Promise<void> {
  const relation = relationOf(place, await placeOf('.', true));
  if (relation !== 'is' && relation !== 'contains') return;
  const { name, what } = wanted;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `${what} "${name}" ${relation} the current directory`, {
    hint: 'Choose another name, or start the program elsewhere.',
  });
}

function refuseTogether(one: Candidate, other: Candidate): void {
  const relation = relationOf(one.place, other.place);
  if (relation === undefined) return;
  const [a, b] = [one.wanted, other.wanted];
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `${a.what} "${a.name}" ${relation} ${b.what} "${b.name}"`, {
    hint: 'Give each output a place of its own.',
  });
}

/** A symbolic link is an input, and so is what it leads to. */
async function placesOf(inputs: readonly string[]): Promise<[input: string, Place][]> {
  const places: [string, Place][] = [];
  for (const input of inputs) {
    for (const follow of [false, true]) places.push([input, await placeOf(input, follow)]);
  }
  return places;
}

function refuseInputs({ wanted, place }: Candidate, inputs: readonly [string, Place][]): void {
  for (const [input, other] of inputs) {
    const relation = relationOf(place, other);
    if (relation === undefined) continue;
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${wanted.what} "${wanted.name}" ${relation} the input "${input}"`,
      { hint: 'Choose another name: what is read is never written to.' },
    );
  }
}
