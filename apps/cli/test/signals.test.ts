import type { ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IMAGE, makeSandbox, type Sandbox, startCli } from './run-cli.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
});
afterEach(() => sandbox.remove());

const ARGS = ['convert', IMAGE, '-s', 'probe', '-o', 'out', '-O', 'linger=true'];

/** Waits until the sink has begun to write. */
function lingering(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.stderr!.on('data', (text: string) => {
      if (text.includes('probe: lingering')) resolve();
    });
  });
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s removes what was written and exits %d', async (signal, status) => {
  const { child, done } = startCli(sandbox, ARGS);
  await lingering(child);
  expect(await readdir(sandbox.directory)).toHaveLength(1);
  child.kill(signal);
  const { code, stderr } = await done;
  expect(code).toBe(status);
  expect(stderr).toContain(`Error: interrupted by ${signal}`);
  expect(stderr).not.toContain('    at ');
  expect(await readdir(sandbox.directory)).toEqual([]);
});

test('an interruption is an error object with --json', async () => {
  const { child, done } = startCli(sandbox, [...ARGS, '--json']);
  await lingering(child);
  child.kill('SIGINT');
  const { code, stdout } = await done;
  expect(code).toBe(130);
  expect(JSON.parse(stdout).error).toMatchObject({
    code: 'ERR_OCIRENDER_ABORTED',
    message: 'interrupted by SIGINT',
  });
});

test('a reader that goes away ends the conversion with status 1, without a word', async () => {
  const { child, done } = startCli(sandbox, [
    'convert',
    IMAGE,
    '-s',
    'probe',
    '-o',
    '-',
    '-O',
    'fill=4000000',
  ]);
  child.stdout!.once('data', () => child.stdout!.destroy());
  const { code, stderr } = await done;
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/Error|EPIPE| at /);
});
