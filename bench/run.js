// Converts images and measures it beside the tools that one would use otherwise. See README.md.
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, rm, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { contendersFor } from './contenders.js';
import { IDLE, requireIdle } from './idle.js';
import { measure, median } from './measure.js';
import { resultRows, stageRows, toMarkdown, toTable } from './report.js';
import { measureStages } from './stages.js';

const USAGE = `usage: node bench/run.js [--images DIR] [--only NAME[,NAME]] [--repetitions N] [--work DIR] [--busy] [--json | --markdown]

  --images DIR       where make-images.sh put its images [OCIRENDER_IMAGES, or /var/cache/ocirender/images]
  --only NAMES       images (python) or contenders (squashfs, pigz) to measure; what they are compared to comes along
  --repetitions N    runs of each; medians are shown [3]
  --work DIR         where outputs go for the time being [/dev/shm with 8 GB of room, else /var/tmp]
  --busy             measure although the machine is not idle; the table says so
`;

const { values } = parseArgs({
  options: {
    // biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task runs this
    images: { type: 'string', default: process.env.OCIRENDER_IMAGES ?? '/var/cache/ocirender/images' },
    only: { type: 'string', default: '' },
    repetitions: { type: 'string', default: '3' },
    work: { type: 'string' },
    busy: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const IMAGES = ['debian', 'python', 'node'];
const repetitions = Number(values.repetitions);
if (values.help || !Number.isInteger(repetitions) || repetitions < 1) {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}
const ROOM = 8e9;
const MEMORY = '/dev/shm';

const load = requireIdle(values.busy);
const only = values.only.split(',').filter((word) => word !== '');
const wantedImages = IMAGES.filter((image) => only.includes(image));
const wantedNames = only.filter((word) => !IMAGES.includes(word));

const place = values.work ?? ((await roomIn(MEMORY)) >= ROOM ? MEMORY : '/var/tmp');
const work = await mkdtemp(join(resolve(place), 'ocirender-bench-'));
try {
  const results = [];
  for (const image of wantedImages.length > 0 ? wantedImages : IMAGES)
    results.push(...(await measureImage(image)));
  const facts = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, median of ${repetitions}; outputs in ${place}${place === MEMORY ? ' (memory)' : ', on a disk'}${load > IDLE ? `; NOT IDLE: load ${load.toFixed(2)} before the start` : ''}`;
  if (values.json) console.log(JSON.stringify({ facts, results }, null, 2));
  else {
    const layOut = values.markdown ? toMarkdown : toTable;
    console.log(`${facts}\n\n${layOut(resultRows(results))}\n\n${layOut(stageRows(results))}`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Measures every contender for one image, in turns, so that a slow minute of the machine hits all alike. */
async function measureImage(image) {
  const path = resolve(values.images, image);
  if (!existsSync(join(path, 'index.json'))) {
    throw new Error(
      `there is no image at ${path}: make it with ../shared/images/make-images.sh ${values.images} ${image}`,
    );
  }
  const all = await contendersFor(path, work);
  const isWanted = ({ name }) => wantedNames.length === 0 || wantedNames.some((word) => name.includes(word));
  const compared = new Set(
    all.filter(isWanted).flatMap(({ comparisons = [] }) => comparisons.map(({ to }) => to)),
  );
  const contenders = all.filter((contender) => isWanted(contender) || compared.has(contender.name));
  const runs = new Map(contenders.map(({ name }) => [name, []]));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const { name, command, output } of contenders) {
      const run = await measure(command, join(work, 'time'));
      const size = output === undefined ? undefined : await outputSize(output);
      runs.get(name).push({ ...run, size });
      await clear();
      process.stderr.write(`${image}: ${name}: ${run.wall.toFixed(2)} s\n`);
    }
  }
  const stages = new Map();
  for (const { name, command, isOurs } of contenders) {
    if (isOurs !== true || command[0] !== process.execPath) continue;
    stages.set(name, await measureStages(command));
    await clear();
    process.stderr.write(`${image}: ${name}: stages\n`);
  }
  const summaries = contenders.map(({ name, comparisons = [] }) => {
    const of = (field) => median(runs.get(name).map((run) => run[field]));
    return {
      image,
      name,
      comparisons,
      wall: of('wall'),
      cpu: of('cpu'),
      rss: of('rss'),
      size: runs.get(name)[0].size,
      stages: stages.get(name),
    };
  });
  const wallOf = new Map(summaries.map(({ name, wall }) => [name, wall]));
  return summaries.map((summary) => ({
    ...summary,
    comparisons: summary.comparisons
      .filter(({ to }) => wallOf.has(to))
      .map(({ to, aim }) => ({ to, aim, ratio: summary.wall / wallOf.get(to) })),
  }));
}

/** Removes what a contender has written. */
async function clear() {
  for (const leftover of ['output', 'output.mtree', 'unpacked', 'squashed', 'inflated']) {
    await rm(join(work, leftover), { recursive: true, force: true });
  }
}

/** Free bytes in a directory; 0 where there is none of that name. */
async function roomIn(directory) {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** Size of a file in bytes; undefined for a directory. */
async function outputSize(path) {
  const stats = await lstat(path);
  return stats.isFile() ? stats.size : undefined;
}
