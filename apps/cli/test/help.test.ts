import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await makeSandbox([]);
});
afterAll(() => sandbox.remove());

const COMMANDS = ['cat', 'convert', 'inspect', 'login', 'logout', 'ls', 'pull', 'sinks', 'verify'];

test('--version names program, platform and Node', async () => {
  const { code, stdout, stderr } = await runCli(sandbox, ['--version']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^ocirender\/\d+\.\d+\.\d+\S* \S+ node-v\d+/);
});

test.each([
  ['--version', '--json'],
  ['-V', '--json'],
  ['version', '--json'],
])('%s %s says what the bytes of outputs depend on', async (...args) => {
  const { code, stdout } = await runCli(sandbox, args);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    ocirender: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    zlib: process.versions.zlib,
    ...('zstd' in process.versions ? { zstd: process.versions['zstd'] } : {}),
  });
});

test.each([['-V'], ['version']])('%s is the same', async (habit) => {
  const version = await runCli(sandbox, ['--version']);
  expect(await runCli(sandbox, [habit])).toEqual(version);
});

test.each([['convert'], ['ls'], ['plugins']])('%s -h is its help', async (command) => {
  const { code, stdout } = await runCli(sandbox, [command, '-h']);
  expect(code).toBe(0);
  expect(stdout).toContain('USAGE');
});

test.each([['--help'], ['-h']])('%s lists the commands', async (flag) => {
  const { code, stdout } = await runCli(sandbox, [flag]);
  expect(code).toBe(0);
  for (const command of [...COMMANDS, 'plugins', 'help'])
    expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
});

test.each(COMMANDS)('%s --help has a usage and examples', async (command) => {
  const { code, stdout } = await runCli(sandbox, [command, '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('USAGE');
  expect(stdout).toContain('EXAMPLES');
  expect(stdout).toContain(`$ ocirender ${command}`);
});
