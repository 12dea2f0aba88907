import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExampleRegistry, serveExample } from './example-registry.ts';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
let registry: ExampleRegistry;
let host: string;

beforeAll(async () => {
  sandbox = await makeSandbox([]);
  registry = await serveExample();
  host = registry.host;
});
afterAll(async () => {
  await registry.close();
  await sandbox.remove();
});

test('pull: summary on standard error, report with --json, nothing fetched twice', async () => {
  const args = ['pull', `${host}/a/b:demo`, sandbox.path('layout'), '--insecure'];
  const first = await runCli(sandbox, args);
  expect([first.code, first.stdout]).toEqual([0, '']);
  expect(first.stderr).toContain(`${host}/a/b:demo → ${sandbox.path('layout')}\n`);
  expect(first.stderr).toContain('fetched');
  const second = await runCli(sandbox, [...args, '--json']);
  expect(second.code).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({
    reference: `${host}/a/b:demo`,
    fetchedBytes: 0,
    names: [`${host}/a/b:demo`, 'demo'],
    blobs: expect.arrayContaining([
      expect.objectContaining({ kind: 'layer', status: 'present', fetchedBytes: 0 }),
    ]),
  });
});

test('convert of a registry gives the bytes that the layout gives', async () => {
  const hashes: string[] = [];
  for (const [image, name] of [
    [`docker://${host}/a/b:demo`, 'remote.tar'],
    [IMAGE, 'local.tar'],
  ] as const) {
    const { code, stderr } = await runCli(sandbox, [
      'convert',
      image,
      '-o',
      sandbox.path(name),
      '--insecure',
    ]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    hashes.push(
      createHash('sha256')
        .update(readFileSync(sandbox.path(name)))
        .digest('hex'),
    );
  }
  expect(hashes[0]).toBe(hashes[1]);
});

test('failures: wrong usage is 2, everything else 1, with code, host and what the registry says', async () => {
  const missing = await runCli(sandbox, [
    'pull',
    `${host}/a/b:gone`,
    sandbox.path('none'),
    '--insecure',
    '--json',
  ]);
  expect(missing.code).toBe(1);
  expect(JSON.parse(missing.stdout)).toMatchObject({
    error: {
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: `${host}: manifest a/b:gone: 404 MANIFEST_UNKNOWN: manifest unknown`,
    },
  });
  for (const args of [
    ['pull', 'Not A Reference', sandbox.path('none')],
    ['pull', 'nginx'],
    ['pull', 'nginx', sandbox.path('none'), '--platform', 'linux/amd64', '--all-platforms'],
    ['pull', 'nginx', sandbox.path('none'), '--concurrency', '0'],
    ['pull', 'nginx', sandbox.path('none'), '--registry-mirror', 'docker.io=http://localhost'],
    ['login', host, '--username', 'x'],
    ['login', 'https://example.com', '--username', 'x', '--password-stdin'],
  ]) {
    expect([args, (await runCli(sandbox, args)).code]).toEqual([args, 2]);
  }
});

test('logout says that there is nothing to remove', async () => {
  const { code, stderr } = await runCli(sandbox, ['logout', 'registry.example.com']);
  expect([code, stderr]).toEqual([0, 'There is no password stored for registry.example.com.\n']);
});
