import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceLayer } from '@ocirender/interface';
import { fail, type SinkCheck } from './check.ts';
import { variedTree } from './contract-checks.ts';
import type { ContentOrigin } from './drive.ts';
import { sinkContext } from './drive.ts';
import { FileWork, WorkMemory } from './file-work.ts';
import { outputDigest, pathOutput, type SinkSubject, writeOutput } from './subject.ts';
import { withWorkDirectory } from './work-directory.ts';

/**
 * Gives the checks of sessions whose work can be kept: what they write from it is what they write without.
 *
 * @param subject - the sink under test
 * @returns the checks; they have nothing to say of other sinks
 */
export function workChecks(subject: SinkSubject): SinkCheck[] {
  return [
    { name: 'writes the same from kept work', run: () => withWork(subject, sameFromWork) },
    { name: 'records contents that are spare, and does not store them', run: () => withWork(subject, spare) },
    { name: 'notices kept work that is damaged', run: () => withWork(subject, damagedWork) },
    { name: 'ends with kept work that makes no sense', run: () => withWork(subject, nonsense) },
  ];
}

/** Writes the varied tree; gives the digest of the output. */
type Write = (originOf: (index: number) => ContentOrigin | undefined, from?: Choice) => Promise<string>;
/** Which of its contents come. */
type Choice = (index: number) => boolean;

interface Bench {
  readonly write: Write;
  /** A file for items. */
  readonly newPath: () => string;
}

async function withWork(subject: SinkSubject, check: (bench: Bench) => Promise<void>): Promise<void> {
  await withWorkDirectory((directory) =>
    withWorkDirectory(async (items) => {
      if (!(await keepsWork(subject, directory))) return;
      let number = 0;
      const newPath = (): string => join(items, `items-${number++}`);
      const write: Write = async (originOf, isChosen = () => true) => {
        const planned = variedTree().build();
        const indexes = [...planned.contents.keys()].filter(isChosen);
        for (const [index, { inode }] of planned.contents.entries()) {
          // A file whose content does not come is empty.
          const isEmpty = !isChosen(index) || originOf(index)?.isSpare === true;
          if (inode !== undefined && isEmpty) Object.assign(inode, { size: 0, extents: undefined });
        }
        const chosen = { ...planned, contents: indexes.map((index) => planned.contents[index]!) };
        const options = { originOf: (index: number) => originOf(indexes[index]!) };
        return outputDigest(await writeOutput(subject, chosen, directory, `output-${number++}`, options));
      };
      await check({ write, newPath });
    }),
  );
}

async function keepsWork(subject: SinkSubject, directory: string): Promise<boolean> {
  const sink = subject.factory();
  const output = pathOutput(sink, join(directory, 'work')) ?? { kind: 'none' };
  const session = await sink.open(
    sinkContext(sink, { output, ...(subject.options === undefined ? {} : { options: subject.options }) }),
  );
  await session.abort(new Error('only asked for its work'));
  if (session.work !== undefined && session.placement !== 'any')
    fail(`a session with placement "${session.placement}" has work that could be kept`);
  return session.work !== undefined;
}

/** Two layers, the newer one first: every content of the varied tree is a member of one. */
function originsIn(layers: readonly [SourceLayer, SourceLayer]): (index: number) => ContentOrigin {
  return (index) => ({ layer: layers[index < 25 ? 1 : 0], member: index < 25 ? 2 * index : index - 25 });
}

const NOTHING_KEPT: readonly [SourceLayer, SourceLayer] = [{ index: 0 }, { index: 1 }];

async function sameFromWork({ write, newPath }: Bench): Promise<void> {
  const clean = await write(originsIn(NOTHING_KEPT));
  const recorders = [new WorkMemory(), new WorkMemory()] as const;
  const recorded = await write(
    originsIn([
      { index: 0, recorder: recorders[0] },
      { index: 1, recorder: recorders[1] },
    ]),
  );
  if (recorded !== clean) fail(`clean: ${clean}\nwhile it is recorded: ${recorded}`);
  const kept = recorders.map(({ items }) => new FileWork(items, newPath()));
  try {
    const known = (...which: number[]): [SourceLayer, SourceLayer] => [
      which.includes(0) ? { index: 0, kept: kept[0]! } : { index: 0 },
      which.includes(1) ? { index: 1, kept: kept[1]! } : { index: 1 },
    ];
    for (const which of [[0, 1], [0], [1]]) {
      const cached = await write(originsIn(known(...which)));
      if (cached !== clean) fail(`clean: ${clean}\nfrom the work of layers ${which.join(', ')}: ${cached}`);
    }
    // As when a newer layer hides some of them.
    for (const step of [2, 7]) {
      const isChosen = (index: number): boolean => index % step !== 1;
      const [cached, some] = [
        await write(originsIn(known(0, 1)), isChosen),
        await write(originsIn(NOTHING_KEPT), isChosen),
      ];
      if (cached !== some) fail(`without each ${step}th: clean: ${some}\nfrom work: ${cached}`);
    }
  } finally {
    for (const work of kept) work.close();
  }
}

async function spare({ write, newPath }: Bench): Promise<void> {
  const isSpare = (index: number): boolean => index % 3 === 1;
  const clean = await write(originsIn(NOTHING_KEPT), (index) => !isSpare(index));
  const recorders = [new WorkMemory(), new WorkMemory()] as const;
  const originOf = originsIn([
    { index: 0, recorder: recorders[0] },
    { index: 1, recorder: recorders[1] },
  ]);
  const recorded = await write((index) => ({ ...originOf(index), isSpare: isSpare(index) }));
  if (recorded !== clean) fail(`clean: ${clean}\nwith spare contents: ${recorded}`);
  const kept = recorders.map(({ items }) => new FileWork(items, newPath()));
  try {
    const cached = await write(
      originsIn([
        { index: 0, kept: kept[0]! },
        { index: 1, kept: kept[1]! },
      ]),
    );
    const all = await write(originsIn(NOTHING_KEPT));
    if (cached !== all) fail(`clean: ${all}\nfrom work with what was spare: ${cached}`);
  } finally {
    for (const work of kept) work.close();
  }
}

async function damagedWork({ write, newPath }: Bench): Promise<void> {
  const recorder = new WorkMemory();
  await write(originsIn([{ index: 0, recorder }, { index: 1 }]));
  const withBytes = recorder.items.flatMap(({ size }, index) => (size > 0 ? [index] : []));
  for (const index of withBytes.filter((_, n) => n % Math.ceil(withBytes.length / 8) === 0)) {
    const path = newPath();
    const kept = new FileWork(recorder.items, path);
    const { position, size } = kept.range(index);
    const file = await open(path, 'r+');
    const byte = Buffer.alloc(1);
    const at = position + (size >> 1);
    await file.read(byte, 0, 1, at);
    byte[0]! ^= 1;
    await file.write(byte, 0, 1, at);
    await file.close();
    try {
      await write(originsIn([{ index: 0, kept }, { index: 1 }]));
      // Nobody needed it: an equal content was there.
      if (kept.rejection !== undefined) fail(`item ${index} is damaged, and the session went on`);
    } catch (error) {
      if (error !== kept.rejection) throw error;
    } finally {
      kept.close();
    }
  }
}

/** Sealed work cannot be changed by accident: what an item says need not be found out, but must lead to an end. */
async function nonsense({ write, newPath }: Bench): Promise<void> {
  const recorder = new WorkMemory();
  await write(originsIn([{ index: 0, recorder }, { index: 1 }]));
  let seed = 1;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (seed >> 8) % Math.max(1, limit);
  };
  for (let turn = 0; turn < 40; turn++) {
    const items = recorder.items.map((item) => ({ ...item }));
    const at = below(items.length);
    const item = items[at]!;
    const words = Uint32Array.from(item.words);
    words[below(words.length)]! ^= 1 << below(32);
    if (turn % 5 === 0) items.splice(at, 1);
    else if (turn % 5 === 1) items[at] = { ...item, words: item.words.subarray(0, below(item.words.length)) };
    else if (turn % 5 === 2) items[at] = { ...item, members: Uint32Array.of(below(40), below(40)) };
    else items[at] = { ...item, words };
    const kept = new FileWork(items, newPath());
    try {
      await write(originsIn([{ index: 0, kept }, { index: 1 }]));
    } catch (error) {
      if (error !== kept.rejection) throw error;
    } finally {
      kept.close();
    }
  }
}
