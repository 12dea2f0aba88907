/**
 * Measures the peak memory of `ocirender convert` for images that are made for it.
 *
 *   pnpm build && node scripts/memory/run.js [--work DIR] [--image NAME]... [--sink NAME]... [--node-option OPTION]...
 *
 * It needs GNU time, some 10 GB in DIR (which it keeps: the images are made once), and measures the Node that runs it:
 * `npx -y -p node@24 -- node scripts/memory/run.js` for another one.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { IMAGES, makeImage } from './images.js';

const CLI = fileURLToPath(new URL('../../apps/cli/bin/run.js', import.meta.url));
const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    work: { type: 'string', default: join(tmpdir(), 'ocirender-memory') },
    image: { type: 'string', multiple: true, default: Object.keys(IMAGES) },
    sink: { type: 'string', multiple: true, default: ['squashfs', 'ext4', 'tar'] },
    'node-option': { type: 'string', multiple: true, default: [] },
  },
});

await mkdir(values.work, { recursive: true });
console.log(`Node ${process.versions.node} ${values['node-option'].join(' ')}`);
for (const name of values.image) {
  const image = await makeImage(name, values.work);
  for (const sink of values.sink) {
    const output = join(values.work, 'output');
    const record = join(values.work, 'time');
    await rm(output, { recursive: true, force: true });
    const convert = ['convert', image, '-s', sink, '-o', output, '--progress', 'none'];
    const node = [process.execPath, ...values['node-option'], CLI];
    const command = ['-f', '%M %e %U %S', '-o', record, ...node, ...convert];
    const { status, stderr } = spawnSync('/usr/bin/time', command, { encoding: 'utf8' });
    await rm(output, { recursive: true, force: true });
    if (status !== 0) {
      console.log(`${name} ${sink}: failed\n${stderr}`);
      process.exitCode = 1;
      continue;
    }
    const [kibibytes, wall, user, system] = (await readFile(record, 'utf8')).trim().split(' ').map(Number);
    console.log(
      `${name.padEnd(14)} ${sink.padEnd(9)} ${((kibibytes * 1024) / MIB).toFixed(0).padStart(5)} MiB peak, ${wall} s, CPU ${(user + system).toFixed(1)} s`,
    );
  }
}
