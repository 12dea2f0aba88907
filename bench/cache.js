// Measures conversions with a cache against those without, and compares their bytes. See README.md.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { changeTop } from './change-top.js';
import { requireIdle } from './idle.js';
import { measure, median } from './measure.js';

const USAGE = `usage: node bench/cache.js [--images DIR] [--only NAME[,NAME]] [--repetitions N] [--work DIR] [--busy]

  --images DIR       where make-images.sh put its images [OCIRENDER_IMAGES, or /var/cache/ocirender/images]
  --only NAMES       images or sinks to measure [python, node, squashfs, erofs]
  --repetitions N    runs of each; medians are shown [3]
  --work DIR         where outputs and caches go for the time being [/dev/shm]
  --busy             measure although the machine is not idle
`;

const { values } = parseArgs({
  options: {
    // biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task runs this
    images: { type: 'string', default: process.env.OCIRENDER_IMAGES ?? '/var/cache/ocirender/images' },
    only: { type: 'string', default: '' },
    repetitions: { type: 'string', default: '3' },
    work: { type: 'string', default: '/dev/shm' },
    busy: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit();
}
requireIdle(values.busy);

const COMMAND = fileURLToPath(new URL('../apps/cli/bin/run.js', import.meta.url));
const EROFS = fileURLToPath(new URL('./convert-erofs.js', import.meta.url));
const node = process.execPath;
const CONTENDERS = {
  squashfs: (image, output, cache) => [
    node,
    COMMAND,
    'convert',
    image,
    '-o',
    output,
    '--sink',
    'squashfs',
    '--quiet',
    ...(cache === undefined ? [] : [`--cache=${cache}`]),
  ],
  erofs: (image, output, cache) => [
    node,
    EROFS,
    image,
    output,
    'compression=lz4',
    ...(cache === undefined ? [] : [`cache=${cache}`]),
  ],
};
/** What a run with a cache may take of a clean one's wall time, and of its CPU time. */
const AIMS = {
  'python squashfs': { changed: [0.12, 0.15], same: [0.1] },
  'node squashfs': { changed: [0.2], same: [0.1] },
  'python erofs': { changed: [0.2], same: [0.1] },
  'node erofs': { changed: [0.2], same: [0.1] },
};

const only = values.only.split(',').filter((word) => word !== '');
const chosen = (names) => {
  const some = names.filter((name) => only.includes(name));
  return some.length === 0 ? names : some;
};
const repetitions = Number(values.repetitions);
const work = await mkdtemp(join(resolve(values.work), 'ocirender-bench-'));
const record = join(work, 'time');
try {
  process.stdout.write(
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0].model}, medians of ${repetitions}; in ${values.work}\n\n`,
  );
  process.stdout.write(
    '| image, sink | what | wall s | CPU s | peak RSS MB | of clean: wall, CPU | aims |\n| --- | --- | ---: | ---: | ---: | --- | --- |\n',
  );
  for (const image of chosen(['python', 'node'])) {
    const original = join(resolve(values.images), image);
    const changed = [];
    for (let seed = 0; seed < repetitions; seed++) {
      changed.push(join(work, `${image}-${seed}`));
      await changeTop(original, changed[seed], seed);
    }
    for (const sink of chosen(Object.keys(CONTENDERS))) await measureSink(image, sink, original, changed);
    for (const directory of changed) await rm(directory, { recursive: true });
  }
} finally {
  await rm(work, { recursive: true });
}

async function measureSink(image, sink, original, changed) {
  const commandOf = CONTENDERS[sink];
  const [output, other, cache] = ['clean', 'cached', 'cache'].map((name) => join(work, name));
  const runs = { clean: [], cold: [], same: [], changed: [] };
  const run = async (what, source, to, directory) => {
    await rm(to, { force: true });
    runs[what].push(await measure(commandOf(source, to, directory), record));
  };
  for (const source of changed) {
    await rm(cache, { recursive: true, force: true });
    await run('cold', original, other, cache);
    await run('same', original, other, cache);
    await run('changed', source, other, cache);
    await run('clean', source, output);
    execFileSync('cmp', [output, other]);
  }
  await rm(cache, { recursive: true });
  const clean = medians(runs.clean);
  for (const [what, list] of Object.entries(runs)) {
    const { wall, cpu, rss } = medians(list);
    const ratio =
      what === 'clean' ? '' : `${(wall / clean.wall).toFixed(2)}, ${(cpu / clean.cpu).toFixed(2)}`;
    const aims = what === 'cold' ? [1.1] : AIMS[`${image} ${sink}`][what];
    const cells = [
      `${image}, ${sink}`,
      what,
      wall.toFixed(2),
      cpu.toFixed(2),
      (rss / 1e6).toFixed(0),
      ratio,
      aims?.join(', ') ?? '',
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
}

function medians(list) {
  const of = (key) => median(list.map((one) => one[key]));
  return { wall: of('wall'), cpu: of('cpu'), rss: of('rss') };
}
