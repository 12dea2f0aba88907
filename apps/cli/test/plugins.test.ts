import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
afterEach(() => sandbox.remove());

test('sinks lists the bundled ones and what plugins add', async () => {
  sandbox = await makeSandbox();
  const { code, stdout, stderr } = await runCli(sandbox, ['sinks']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^dir {2}.*\n {2}from @ocirender\/sink-dir \S+ \(bundled\)$/m);
  expect(stdout).toMatch(/^squashfs {2}/m);
  expect(stdout).toMatch(/^tar {2}/m);
  expect(stdout).toContain(
    [
      'probe  Counts contents.',
      '  from @test/sink-probe 1.2.3',
      '  for names that end in .probe',
      '  writes file, standard output (-o -)',
      '  -O linger=true|false  Wait for an abort. [default: false]',
      '  -O fill=N             Bytes to write for each content. [default: 1]',
      '  -O mode=a|b           Nothing. [default: a]',
    ].join('\n'),
  );
});

test('sinks --json', async () => {
  sandbox = await makeSandbox();
  const { stdout } = await runCli(sandbox, ['sinks', '--json']);
  const { sinks, broken } = JSON.parse(stdout);
  expect(broken).toEqual([]);
  expect(sinks.map((sink: { name: string }) => sink.name)).toEqual([
    'dir',
    'ext4',
    'squashfs',
    'tar',
    'verify',
    'probe',
  ]);
  expect(sinks[5]).toMatchObject({
    plugin: { name: '@test/sink-probe', version: '1.2.3', bundled: false },
    extensions: ['.probe'],
    outputs: ['file', 'stream'],
    options: { mode: { type: 'choice', choices: ['a', 'b'] } },
  });
});

test('plugins that cannot be used are listed with the reason; the others work', async () => {
  sandbox = await makeSandbox(['broken', 'future', 'thief', 'probe']);
  await addMissingPlugin(sandbox);
  const { code, stdout, stderr } = await runCli(sandbox, ['sinks', '--json']);
  expect(code).toBe(0);
  expect(stderr).toBe(
    'Warning: the plugin @test/gone cannot be loaded; install it again or run "ocirender plugins uninstall @test/gone"\n',
  );
  const { sinks, broken } = JSON.parse(stdout);
  expect(sinks.map((sink: { name: string }) => sink.name)).toEqual([
    'dir',
    'ext4',
    'squashfs',
    'tar',
    'verify',
    'probe',
  ]);
  const reasons = broken.map((item: { name?: string; plugin: { name: string }; reason: string }) => [
    item.name,
    item.plugin.name,
    item.reason,
  ]);
  expect(reasons).toEqual([
    [
      'nothing',
      '@test/sink-broken',
      '"ocirender.sinks.nothing" of its package.json lacks "module" or "export"',
    ],
    ['future', '@test/sink-future', 'it is made for interface 2, this is interface 1: update ocirender'],
    [
      'tar',
      '@test/sink-thief',
      'its name "tar" is taken by the bundled @ocirender/sink-tar, which is the one that is used',
    ],
    ['throws', '@test/sink-broken', 'its module ./throws.js cannot be loaded (this plugin is broken)'],
    ['impostor', '@test/sink-broken', 'its module ./impostor.js exports no sink as "sink"'],
    [
      undefined,
      '@test/gone',
      'its package cannot be read; install it again or run "ocirender plugins uninstall @test/gone"',
    ],
  ]);
  expect((await runCli(sandbox, ['convert', IMAGE, '-o', 'x.probe'])).code).toBe(0);
});

test('choosing a broken sink says what is wrong with it', async () => {
  sandbox = await makeSandbox(['broken']);
  const { code, stdout } = await runCli(sandbox, ['convert', IMAGE, '-s', 'throws', '-o', 'x', '--json']);
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error).toEqual({
    code: 'ERR_OCIRENDER_UNKNOWN_SINK',
    message: 'the sink throws of plugin @test/sink-broken 0.0.1 cannot be used',
    hint: 'Update it with "ocirender plugins update", or remove it with "ocirender plugins uninstall @test/sink-broken".',
    causes: [
      { code: 'ERR_OCIRENDER_UNKNOWN_SINK', message: 'its module ./throws.js cannot be loaded' },
      { message: 'this plugin is broken' },
    ],
  });
});

test('a plugin with the name of a bundled sink is not used, and that is said', async () => {
  sandbox = await makeSandbox(['thief']);
  const { code, stderr } = await runCli(sandbox, [
    'convert',
    IMAGE,
    '-s',
    'tar',
    '-o',
    'x',
    '--progress',
    'none',
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain('Warning: plugin @test/sink-thief also has a sink "tar"');
});

async function addMissingPlugin({ environment }: Sandbox): Promise<void> {
  const path = join(environment['OCIRENDER_DATA_DIR']!, 'package.json');
  const list = JSON.parse(await readFile(path, 'utf8'));
  list.oclif.plugins.push({ name: '@test/gone', type: 'user', tag: '1.0.0' });
  await writeFile(path, JSON.stringify(list));
}
