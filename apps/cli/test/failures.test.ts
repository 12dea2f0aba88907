import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await makeSandbox();
});
afterAll(() => sandbox.remove());

const USAGE: readonly {
  name: string;
  args: readonly string[];
  says: string;
  env?: Record<string, string>;
}[] = [
  { name: 'no image', args: ['-s', 'probe', '-o', 'x'], says: 'The argument IMAGE is missing' },
  { name: 'the image twice', args: [IMAGE, '--image', IMAGE, '-s', 'probe', '-o', 'x'], says: 'given twice' },
  { name: 'no output', args: [IMAGE], says: 'where to? The argument OUTPUT is missing' },
  { name: 'two outputs', args: [IMAGE, 'a.tar', '-o', 'b.tar'], says: 'the output is given twice' },
  { name: 'no output for a sink', args: [IMAGE, '-s', 'probe'], says: 'output' },
  { name: 'an empty output', args: [IMAGE, '-s', 'probe', '-o', ''], says: '--output is empty' },
  { name: 'an unknown ending', args: [IMAGE, '-o', 'x.iso'], says: 'does not say which sink' },
  { name: 'a misspelt sink', args: [IMAGE, '-s', 'prob', '-o', 'x'], says: 'Did you mean "probe"?' },
  { name: 'an unknown flag', args: [IMAGE, '--nonsense'], says: 'Nonexistent flag: --nonsense' },
  { name: 'a flag without value', args: [IMAGE, '-o'], says: 'expects a value' },
  {
    name: 'an impossible choice',
    args: [IMAGE, '--xattrs', 'some'],
    says: 'Expected --xattrs=some to be one of',
  },
  {
    name: 'an unknown sink option',
    args: [IMAGE, '-s', 'probe', '-o', 'x', '-O', 'a=b'],
    says: 'no option "a"',
  },
  {
    name: 'an impossible sink option',
    args: [IMAGE, '-s', 'probe', '-o', 'x', '-O', 'fill=0'],
    says: 'fill',
  },
  {
    name: 'a sink option twice',
    args: [IMAGE, '-s', 'probe', '-o', 'x', '-O', 'fill=1', '-O', 'fill=2'],
    says: 'more than once',
  },
  {
    name: '--mksquashfs for another sink',
    args: [IMAGE, '-s', 'probe', '-o', 'x', '--mksquashfs', '/m'],
    says: 'engine',
  },
  {
    name: 'a bad limit',
    args: [IMAGE, '-s', 'probe', '-o', 'x', '--max-total-size', 'lots'],
    says: 'is not a limit',
  },
  {
    name: 'no threads',
    args: [IMAGE, '-s', 'probe', '-o', 'x', '--threads', '0'],
    says: 'greater than or equal to 1',
  },
  {
    name: 'a bad SOURCE_DATE_EPOCH',
    args: [IMAGE, '-s', 'probe', '-o', 'x'],
    says: 'SOURCE_DATE_EPOCH',
    env: { SOURCE_DATE_EPOCH: 'yesterday' },
  },
];

describe('usage errors exit 2, with and without --json', () => {
  test.each(USAGE)('$name', async ({ args, says, env = {} }) => {
    const plain = await runCli(sandbox, ['convert', ...args], env);
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: 2, stdout: '' });
    expect(plain.stderr).toContain(says);
    expect(plain.stderr).not.toContain('    at ');

    // First, where no flag can take it for its value.
    const json = await runCli(sandbox, ['convert', '--json', ...args], env);
    expect(json.code).toBe(2);
    expect(json.stderr).toBe('');
    const { error } = JSON.parse(json.stdout);
    expect(error.code).toMatch(/^ERR_OCIRENDER_(USAGE|UNKNOWN_SINK|INVALID_OPTION)$/);
    expect(error.causes).toEqual([]);
    expect(`${error.message} ${error.hint}`).toContain(says);
    expect(await readdir(sandbox.directory)).toEqual([]);
  });
});

test('--json and -o - exclude each other', async () => {
  const { code, stdout } = await runCli(sandbox, ['convert', IMAGE, '-s', 'probe', '-o', '-', '--json']);
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error).toMatchObject({
    code: 'ERR_OCIRENDER_USAGE',
    message: '--json and --output - both need standard output',
  });
});

test('stdout has no ending that names a sink', async () => {
  const { code, stderr } = await runCli(sandbox, ['convert', IMAGE, '-o', '-']);
  expect(code).toBe(2);
  expect(stderr).toContain('which sink? --sink NAME is missing');
});

test('a limit that is met names its flag', async () => {
  const { code, stderr } = await runCli(sandbox, [
    'convert',
    IMAGE,
    '-s',
    'probe',
    '-o',
    'x',
    '--max-entries',
    '3',
  ]);
  expect(code).toBe(1);
  expect(stderr).toContain('--max-entries');
  expect(await readdir(sandbox.directory)).toEqual([]);
});

test('a missing image exits 1', async () => {
  const { code, stdout } = await runCli(sandbox, [
    'convert',
    './nowhere',
    '-s',
    'probe',
    '-o',
    'x',
    '--json',
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).error.code).toBe('ERR_OCIRENDER_NOT_FOUND');
});

test('a damaged layer exits 1, names the layer and leaves nothing', async () => {
  const damaged = await makeSandbox();
  const digest = await damageLargestBlob(damaged.path('image'));
  const args = ['convert', 'image', '-s', 'probe', '-o', 'x'];
  const { code, stderr } = await runCli(damaged, args);
  expect(code).toBe(1);
  expect(stderr).toContain(digest);
  expect(stderr).not.toContain('    at ');
  const { error } = JSON.parse((await runCli(damaged, [...args, '--json'])).stdout);
  expect(error.code).toBe('ERR_OCIRENDER_DIGEST_MISMATCH');
  expect(await readdir(damaged.directory)).toEqual(['image']);
  await damaged.remove();
});

test('an unknown command exits 2', async () => {
  expect((await runCli(sandbox, ['frobnicate'])).code).toBe(2);
});

async function damageLargestBlob(layout: string): Promise<string> {
  await cp(IMAGE, layout, { recursive: true });
  const blobs = join(layout, 'blobs', 'sha256');
  let largest = { name: '', bytes: Buffer.alloc(0) };
  for (const name of await readdir(blobs)) {
    const bytes = await readFile(join(blobs, name));
    if (bytes.length > largest.bytes.length) largest = { name, bytes };
  }
  const { name, bytes } = largest;
  bytes[bytes.length >> 1]! ^= 0x01;
  await writeFile(join(blobs, name), bytes);
  return name;
}

describe('a password in a reference', () => {
  test.each([
    ['convert', 'docker://me:s3cret@ghcr.io/x', '-o', 'x.tar'],
    ['convert', 'docker://me:s3cret@ghcr.io/x', '-o', 'x.tar', '--json'],
    ['convert', 'me:s3cret@ghcr.io/x', '-o', 'x.tar'],
    ['inspect', 'https://me:s3cret@ghcr.io/x'],
    ['ls', 'me:s3cret@ghcr.io:5000/x', '--json'],
    ['verify', IMAGE, 'docker://me:s3cret@ghcr.io/x'],
    ['pull', 'docker://s3cret@ghcr.io/x', 'layout'],
    ['login', 'https://me:s3cret@ghcr.io', '--username', 'x', '--password-stdin'],
  ])('%s %s is not repeated', async (...args) => {
    const { code, stdout, stderr } = await runCli(sandbox, args, { DEBUG: 'ocirender:*' });
    expect(stdout + stderr).not.toContain('s3cret');
    expect(code).toBe(2);
    if (args[0] !== 'login') expect(stdout + stderr).toContain('ocirender login');
  });
});
