import { readdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
});
afterEach(() => sandbox.remove());

test('writes the output, a summary on stderr, and nothing on stdout', async () => {
  const { code, stdout, stderr } = await runCli(sandbox, ['convert', IMAGE, '-s', 'probe', '-o', 'out']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(await readFile(sandbox.path('out'), 'latin1')).toMatch(/^x+$/);
  expect(await readdir(sandbox.directory)).toEqual(['out']);
  expect(stderr).toContain('layer 3/3');
  expect(stderr).toContain('(100 % of all)');
  expect(stderr).toMatch(/ {2}image +sha256:[0-9a-f]{64}, linux\/amd64/);
  expect(stderr).toMatch(/ {2}notes +1 symlinked-parent/);
});

test('the ending of the output names the sink, --image the image', async () => {
  const { code } = await runCli(sandbox, [
    'convert',
    '--image',
    IMAGE,
    '-o',
    'OUT.PROBE',
    '--progress',
    'none',
  ]);
  expect(code).toBe(0);
  expect(await readdir(sandbox.directory)).toEqual(['OUT.PROBE']);
});

test('--json prints the report alone, with readable paths', async () => {
  const args = ['convert', IMAGE, '-s', 'probe', '-o', 'out', '--json', '--progress', 'none'];
  const { code, stdout, stderr } = await runCli(sandbox, args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    sink: 'probe',
    output: sandbox.path('out'),
    diagnosticCounts: { 'symlinked-parent': 1 },
  });
  expect(report.diagnostics).toMatchObject([{ code: 'symlinked-parent', path: 'lib/plugin' }]);
  expect(report.layers).toHaveLength(3);
});

test('-o - sends the data to stdout, and only the data', async () => {
  const { code, stdout } = await runCli(sandbox, [
    'convert',
    IMAGE,
    '-s',
    'probe',
    '-o',
    '-',
    '-O',
    'fill=100000',
  ]);
  expect(code).toBe(0);
  expect(stdout.length % 100_000).toBe(0);
  expect(stdout).toMatch(/^x{100000,}$/);
  expect(await readdir(sandbox.directory)).toEqual([]);
});

test('an existing output is kept unless --force is given', async () => {
  await writeFile(sandbox.path('out'), 'precious');
  const args = ['convert', IMAGE, '-s', 'probe', '-o', 'out'];
  const refused = await runCli(sandbox, args);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('Error: the output "out" exists');
  expect(refused.stderr).toContain('--force');
  expect(await readFile(sandbox.path('out'), 'latin1')).toBe('precious');
  expect((await runCli(sandbox, [...args, '-f'])).code).toBe(0);
  expect(await readFile(sandbox.path('out'), 'latin1')).toMatch(/^x+$/);
});

test('outputs are looked at together, before the image', async () => {
  const absent = ['convert', IMAGE, '-s', 'probe', '-o', 'out', '--config-out'];
  const equal = await runCli(sandbox, [...absent, './out']);
  expect(equal.code).toBe(2);
  expect(equal.stderr).toContain('Error: the file for the config "./out" is the output "out"');
  await writeFile(sandbox.path('config'), 'precious');
  const exists = await runCli(sandbox, [...absent, 'config']);
  expect(exists.code).toBe(1);
  expect(exists.stderr).toContain('Error: the file for the config "config" exists');
  expect(exists.stderr).not.toContain('layer');
  const input = await runCli(sandbox, ['convert', 'config', '-s', 'probe', '-o', 'config', '--force']);
  expect(input.code).toBe(2);
  expect(input.stderr).toContain('Error: the output "config" is the input "config"');
  expect(await readdir(sandbox.directory)).toEqual(['config']);
});

test('--verbose lists each diagnostic', async () => {
  const { stderr } = await runCli(sandbox, ['convert', IMAGE, '-s', 'probe', '-o', 'out', '-v']);
  expect(stderr).toMatch(/^note: symlinked-parent: .*lib\/plugin.*\(layer [0-9a-f]{12}\)$/m);
  expect(stderr).toContain('contents: ');
});

test('sink options do not swallow the image', async () => {
  const { code } = await runCli(sandbox, [
    'convert',
    '-s',
    'probe',
    '-O',
    'fill=3',
    '-O',
    'mode=b',
    IMAGE,
    '-o',
    'out',
  ]);
  expect(code).toBe(0);
  expect((await readFile(sandbox.path('out'))).length % 3).toBe(0);
});

test('DEBUG logs layers and phases to stderr', async () => {
  const args = ['convert', IMAGE, '-s', 'probe', '-o', 'out', '--progress', 'none'];
  const { stdout, stderr } = await runCli(sandbox, args, { DEBUG: 'ocirender:*' });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/ocirender:layer 1 ends: \d+ entries/);
  expect(stderr).toMatch(/ocirender:phase scan took \d+/);
  expect(stderr).toMatch(/ocirender:phase finish took \d+/);
});
