import { cp, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type NpmRegistry, startNpmRegistry } from './support/npm-registry.ts';
import { type Finished, must, run } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const CHECKOUT = fileURLToPath(new URL('../', import.meta.url));
/** Three layers, 150 kB. */
const IMAGE = join(CHECKOUT, 'examples/demo/image');
const BUNDLED = ['dir', 'ext4', 'squashfs', 'tar', 'verify'];
const PNPM = ['-y', 'pnpm@10.34.9'];

let directory: string;
let registry: NpmRegistry;
/** The installed command. */
let command: string;

/** What anybody does who wants ocirender: `npm install --global ocirender`, with our packages as they are published. */
beforeAll(async () => {
  directory = await makeDirectory();
  registry = await startNpmRegistry(directory);
  for (const tarball of await packAll(join(directory, 'packed'))) await registry.publish(tarball);
  const prefix = join(directory, 'prefix');
  await must('npm', ['install', '--global', '--prefix', prefix, 'ocirender'], { env: registry.environment });
  command = join(prefix, 'bin/ocirender');
});

afterAll(async () => {
  await registry?.stop();
  await removeDirectory(directory);
});

/** Packs every package that is published, and the example as its author would. */
async function packAll(target: string): Promise<string[]> {
  await mkdir(target);
  const chosen = ['./packages/*', './apps/*', './examples/sink-cpio'].flatMap((path) => ['--filter', path]);
  await must('npx', [...PNPM, '--recursive', ...chosen, 'pack', '--pack-destination', target], {
    cwd: CHECKOUT,
  });
  return (await readdir(target)).map((name) => join(target, name));
}

/** Runs the installed command as its user. */
async function ocirender(...args: string[]): Promise<Finished> {
  return run(command, args, { cwd: directory, env: registry.environment });
}

async function mustRun(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ocirender(...args);
  expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

interface Listing {
  readonly sinks: readonly { name: string; plugin: { name: string; bundled: boolean } }[];
  readonly broken: readonly { name?: string; plugin: { name: string }; reason: string }[];
}

async function listing(): Promise<Listing> {
  return JSON.parse(await mustRun('sinks', '--json')) as Listing;
}

async function sinkNames(): Promise<string[]> {
  return (await listing()).sinks.map(({ name }) => name);
}

test('the bundled sinks work', async () => {
  expect((await listing()).broken).toEqual([]);
  expect(await sinkNames()).toEqual(BUNDLED);
  const output = join(directory, 'bundled.squashfs');
  await mustRun('convert', IMAGE, '-o', output);
  expect((await readFile(output)).toString('latin1', 0, 4)).toBe('hsqs');
});

test('a sink of ours: install, convert, uninstall, install by its short name', async () => {
  await mustRun('plugins', 'install', '@ocirender/sink-erofs');
  expect(await sinkNames()).toEqual([...BUNDLED, 'erofs']);
  const output = join(directory, 'image.erofs');
  await mustRun('convert', IMAGE, '-o', output);
  const handle = await open(output);
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 1024);
  await handle.close();
  // Magic number of an EROFS superblock.
  expect(buffer.readUInt32LE()).toBe(0xe0f5_e1e2);
  await mustRun('plugins', 'uninstall', '@ocirender/sink-erofs');
  expect(await sinkNames()).toEqual(BUNDLED);
  await mustRun('plugins', 'install', 'erofs');
  expect(await sinkNames()).toEqual([...BUNDLED, 'erofs']);
});

test("somebody else's sink: the example of the guide", async () => {
  await mustRun('plugins', 'install', '@example/sink-cpio');
  const { sinks } = await listing();
  expect(sinks.at(-2)).toMatchObject({
    name: 'cpio',
    plugin: { name: '@example/sink-cpio', bundled: false },
  });
  const output = join(directory, 'image.cpio');
  await mustRun('convert', IMAGE, '--sink', 'cpio', '-o', output);
  const names = (await must('bsdtar', ['-tf', output])).split('\n');
  const squashfs = await must('unsquashfs', ['-l', '-d', '.', join(directory, 'bundled.squashfs')]);
  const expected = squashfs.split('\n').filter((name) => name.startsWith('.'));
  const found = names.filter((name) => name !== '');
  expect(found.map((name) => (name === '.' ? name : `./${name}`)).sort()).toEqual(expected.sort());
});

test('a third party tests a sink with what is published, and links it', async () => {
  const place = join(directory, 'sink-cpio');
  await cp(join(CHECKOUT, 'examples/sink-cpio'), place, {
    recursive: true,
    // The test of the guide is the repository's.
    filter: (path) => !/node_modules|guide\.test/.test(path),
  });
  const manifest = join(place, 'package.json');
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replaceAll('workspace:^', '^0.0.0'));
  const inPlace = { cwd: place, env: registry.environment };
  await must('npm', ['install'], inPlace);
  const report = JSON.parse(await must('npx', ['vitest', 'run', '--reporter=json'], inPlace)) as {
    numPassedTests: number;
    numTotalTests: number;
  };
  expect(report.numPassedTests).toBeGreaterThan(35);
  expect(report.numPassedTests).toBe(report.numTotalTests);
  await mustRun('plugins', 'uninstall', '@example/sink-cpio');
  await mustRun('plugins', 'link', '--no-install', place);
  expect(await sinkNames()).toEqual([...BUNDLED, 'cpio', 'erofs']);
  await mustRun('convert', IMAGE, '-o', join(directory, 'linked.cpio'));
  const [linked, installed] = ['linked.cpio', 'image.cpio'].map((name) => readFile(join(directory, name)));
  expect((await linked)!.equals((await installed)!)).toBe(true);
});

test('a name that we do not have is refused, and nobody is asked for a package of that name', async () => {
  for (const args of [['vfat'], ['ocirender-sink-vfat@1.0.0']]) {
    const before = registry.requests().length;
    const { code, stderr } = await ocirender('plugins', 'install', ...args);
    expect(code).toBe(2);
    const name = args[0]!.replace(/@.*/, '');
    expect(stderr.replaceAll(/\s+(›\s+)?/g, ' ')).toContain(`there is no plugin @ocirender/sink-${name}`);
    const asked = new Set(registry.requests().slice(before));
    expect([...asked]).toEqual([`/@ocirender/sink-${name}`]);
  }
  expect(await sinkNames()).toEqual([...BUNDLED, 'cpio', 'erofs']);
});

/** Publishes a plugin that is made of a manifest and some modules. */
async function publishPlugin(
  name: string,
  ocirenderKey: unknown,
  modules: Readonly<Record<string, string>>,
): Promise<void> {
  const target = join(directory, name, 'package');
  await mkdir(target, { recursive: true });
  const manifest = { name, version: '1.0.0', type: 'module', oclif: {}, ocirender: ocirenderKey };
  await writeFile(join(target, 'package.json'), JSON.stringify(manifest));
  for (const [path, text] of Object.entries(modules)) await writeFile(join(target, path), text);
  const tarball = join(directory, name, 'plugin.tgz');
  await must('tar', ['-czf', tarball, '-C', join(directory, name), 'package']);
  await registry.publish(tarball);
}

test('bad plugins are named with the reason, on "sinks" and on use; the others go on working', async () => {
  const sinks = {
    throws: { module: './throws.js', export: 'sink' },
    absent: { module: './sink.js', export: 'absent' },
    unbranded: { module: './sink.js', export: 'unbranded' },
    nofile: { module: './no.js', export: 'sink' },
    tar: { module: './sink.js', export: 'unbranded' },
  };
  const modules = {
    'throws.js': 'throw new Error("boom");\n',
    'sink.js': 'export const unbranded = { name: "unbranded", open() {} };\n',
  };
  await publishPlugin('@example/sink-bad', { interface: 1, sinks }, modules);
  await publishPlugin('@example/sink-future', { interface: 999, sinks: { future: sinks.throws } }, modules);
  const bad = ['@example/sink-bad', '@example/sink-future'];
  await mustRun('plugins', 'install', ...bad);

  const listed = await listing();
  expect(listed.sinks.map(({ name, plugin }) => [name, plugin.name])).toEqual([
    ...BUNDLED.map((name) => [name, `@ocirender/sink-${name}`]),
    ['cpio', '@example/sink-cpio'],
    ['erofs', '@ocirender/sink-erofs'],
  ]);
  expect(
    Object.fromEntries(listed.broken.map(({ name, plugin, reason }) => [`${plugin.name} ${name}`, reason])),
  ).toEqual({
    '@example/sink-bad throws': 'its module ./throws.js cannot be loaded (boom)',
    '@example/sink-bad absent': 'its module ./sink.js has no export "absent"',
    '@example/sink-bad unbranded': 'its module ./sink.js exports no sink as "unbranded"',
    '@example/sink-bad nofile': expect.stringMatching(
      /^its module \.\/no\.js cannot be loaded \(Cannot find module /,
    ),
    '@example/sink-bad tar':
      'its name "tar" is taken by the bundled @ocirender/sink-tar, which is the one that is used',
    '@example/sink-future future': 'it is made for interface 999, this is interface 1: update ocirender',
  });

  for (const name of ['throws', 'absent', 'unbranded', 'nofile', 'future']) {
    const { code, stderr } = await ocirender('convert', IMAGE, '--sink', name, '-o', join(directory, name));
    expect([name, code]).toEqual([name, 2]);
    expect(stderr).toContain(`the sink ${name} of plugin @example/sink-`);
    expect(stderr).toContain('ocirender plugins uninstall @example/sink-');
    expect(stderr).not.toMatch(/\n\s+at /);
  }
  const tar = join(directory, 'out.tar');
  const converted = await ocirender('convert', IMAGE, '-o', tar);
  expect(converted.code).toBe(0);
  expect(converted.stderr).toContain('Warning: plugin @example/sink-bad also has a sink "tar"');
  expect((await stat(tar)).size).toBeGreaterThan(10_000);
  await mustRun('convert', IMAGE, '-o', join(directory, 'again.cpio'));
  await mustRun('plugins', 'uninstall', ...bad);
  expect((await listing()).broken).toEqual([]);
});
