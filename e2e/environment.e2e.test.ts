import { chmod, chown, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convertWithCli, ocirender, SINKS } from './support/cli.ts';
import { fileDigest } from './support/file-digest.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { must, run } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const CHECKOUT = fileURLToPath(new URL('../', import.meta.url));
const NOBODY = 65_534;
/** Of no entry in `/etc/passwd`. */
const UNKNOWN = 12_345;
/** The sinks that need neither tools nor privileges to keep everything. */
const SELF_SUFFICIENT = SINKS.filter(([sink]) => sink !== 'dir');

let directory: string;
/** A copy of the image and of the build that anybody may read. */
let image: string;
const expected = new Map<string, string>();

beforeAll(async () => {
  await ensureImages(['debian']);
  directory = await makeDirectory();
  await chmod(directory, 0o755);
  image = join(directory, 'image');
  await must('cp', ['-r', join(IMAGE_DIRECTORY, 'debian'), image]);
  await must('chmod', ['-R', 'a+rX', image]);
  for (const [sink, ending] of SELF_SUFFICIENT) {
    const output = join(directory, `expected${ending}`);
    await convertWithCli(image, sink, output);
    expected.set(sink, await fileDigest(output));
  }
});

afterAll(() => removeDirectory(directory));

test.each(SELF_SUFFICIENT)('an empty PATH is enough for %s', async (sink, ending) => {
  const output = join(directory, `no-path${ending}`);
  const result = await ocirender(['convert', image, '--sink', sink, '--output', output], {
    env: { PATH: '' },
  });
  expect(result.code, result.stderr).toBe(0);
  expect(await fileDigest(output)).toBe(expected.get(sink));
});

test('an unprivileged user gets the same bytes', async () => {
  // The checkout may be below a home directory that nobody else may enter.
  const copy = join(directory, 'build');
  const place = join(directory, 'nobody');
  await mkdir(copy);
  await must('cp', ['-a', ...['apps', 'packages', 'node_modules'].map((name) => join(CHECKOUT, name)), copy]);
  await must('chmod', ['-R', 'a+rX', copy]);
  const node = join(directory, 'node');
  await copyFile(process.execPath, node);
  await mkdir(place);
  await chown(place, NOBODY, NOBODY);
  for (const [sink, ending] of SINKS) {
    const output = join(place, `output${ending}`);
    const command = [
      node,
      join(copy, 'apps/cli/bin/run.js'),
      'convert',
      image,
      '--sink',
      sink,
      '--output',
      output,
    ];
    const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'];
    const result = await run('/usr/bin/setpriv', [...user, ...command], {
      cwd: place,
      env: { PATH: '', HOME: place },
    });
    expect(result.code, result.stderr).toBe(0);
    if (sink !== 'dir') expect(await fileDigest(output)).toBe(expected.get(sink));
    // What an ordinary user cannot set is in a file beside the directory.
    else expect(await run('test', ['-s', `${output}.mtree`])).toMatchObject({ code: 0 });
  }
});

test('a user whom the system does not know, without HOME and SHELL, gets the same bytes', async () => {
  // As `docker run --user 12345` and OpenShift start programs; the build is the one above.
  const place = join(directory, 'unknown');
  await mkdir(place);
  await chown(place, UNKNOWN, UNKNOWN);
  const user = [`--reuid=${UNKNOWN}`, `--regid=${UNKNOWN}`, '--clear-groups', '--no-new-privs'];
  const command = [join(directory, 'node'), join(directory, 'build/apps/cli/bin/run.js')];
  const start = (...args: string[]): ReturnType<typeof run> =>
    run('/usr/bin/setpriv', [...user, ...command, ...args], { cwd: place, env: { PATH: '' } });
  for (const args of [['--version'], ['--help'], ['sinks'], ['ls', image, 'etc'], ['inspect', image]]) {
    const { code, stderr } = await start(...args);
    expect([args, code, stderr]).toEqual([args, 0, '']);
  }
  for (const [sink, ending] of SELF_SUFFICIENT) {
    const output = join(place, `output${ending}`);
    const result = await start('convert', image, '--sink', sink, '--output', output);
    expect(result.code, result.stderr).toBe(0);
    expect(await fileDigest(output)).toBe(expected.get(sink));
  }
  // A registry that is not there: what it would need of the user is no obstacle on the way.
  const { code, stderr } = await start(
    'pull',
    'localhost:1/x:1',
    join(place, 'layout'),
    '--insecure',
    '--timeout',
    '1s',
  );
  expect([code, stderr.includes('the connection was refused')]).toEqual([1, true]);
});
