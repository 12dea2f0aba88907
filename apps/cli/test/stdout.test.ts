import { spawn } from 'node:child_process';
import { openSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BIN, IMAGE, makeSandbox, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
});
afterEach(() => sandbox.remove());

/** Runs the program with a standard output of its own. */
function runInto(
  stdout: number | 'closed pipe',
  args: readonly string[],
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: sandbox.directory,
    env: sandbox.environment,
    stdio: ['ignore', stdout === 'closed pipe' ? 'pipe' : stdout, 'pipe'],
  });
  child.stdout?.destroy();
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

const COMMANDS = [
  ['--help'],
  ['--version'],
  ['convert', '--help'],
  ['sinks'],
  ['sinks', '--json'],
  ['plugins'],
  ['ls', IMAGE, '/usr'],
  ['ls', IMAGE, '--recursive', '--json'],
  ['cat', IMAGE, '/etc/hostname'],
  ['inspect', IMAGE],
  ['inspect', IMAGE, '--json'],
  ['verify', IMAGE, IMAGE],
  ['verify', IMAGE, IMAGE, '--json'],
  ['convert', IMAGE, '-s', 'probe', '-o', 'out', '--json', '--progress', 'none'],
];

test.each(COMMANDS)(
  'a full disk behind standard output is one line and status 1: %s %s %s',
  async (...args) => {
    const { code, stderr } = await runInto(
      openSync('/dev/full', 'w'),
      args.filter((arg) => arg !== undefined),
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'Error: cannot write to standard output: ENOSPC: no space left on device, write\n',
    });
  },
);

test.each(COMMANDS.slice(0, 8))('a reader that went away is no failure: %s %s %s', async (...args) => {
  const { code, stderr } = await runInto(
    'closed pipe',
    args.filter((arg) => arg !== undefined),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('a failure keeps its exit status when nobody reads its JSON', async () => {
  const { code } = await runInto('closed pipe', ['convert', IMAGE, '-s', 'nonsense', '-o', 'out', '--json']);
  expect(code).toBe(2);
});

test('an output to a full disk through standard output ends with one line, status 1, and nothing written', async () => {
  const args = ['convert', IMAGE, '-s', 'probe', '-o', '-', '-O', 'fill=100000', '--progress', 'none'];
  const { code, stderr } = await runInto(openSync('/dev/full', 'w'), args);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Error: cannot write to the output stream: ENOSPC[^\n]*\nHint: [^\n]*\n$/);
  expect(readdirSync(sandbox.directory)).toEqual([]);
});

test('an output that nobody reads ends with status 1, without a word', async () => {
  const args = ['convert', IMAGE, '-s', 'probe', '-o', '-', '-O', 'fill=4000000', '--progress', 'none'];
  expect(await runInto('closed pipe', args)).toEqual({ code: 1, stderr: '' });
});
