import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGE, makeSandbox, runCli, type Sandbox, startCli } from './run-cli.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await makeSandbox(['lines']);
  const { code, stderr } = await runCli(sandbox, [
    'convert',
    IMAGE,
    '-o',
    'image.squashfs',
    '--progress',
    'none',
  ]);
  if (code !== 0) throw new Error(stderr);
  const large = 'y'.repeat(4_000_000);
  await writeFile(
    sandbox.path('odd.lines'),
    `LINES\na hello\nback\\slash z\nb\u0001\u00e9 ${large}\n`,
    'latin1',
  );
});
afterAll(() => sandbox.remove());

describe('ls', () => {
  test('lists a directory as ls -l does', async () => {
    const { code, stdout, stderr } = await runCli(sandbox, ['ls', 'image.squashfs', 'etc']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      '-rw-r--r-- 1 0/0  5 2024-01-03 00:00:00 hostname\n-rw-r--r-- 1 0/0 21 2024-01-02 00:00:00 motd\n',
    );
  });

  test('a link is itself, and its directory with a slash', async () => {
    const link = await runCli(sandbox, ['ls', IMAGE, 'lib']);
    expect(link.stdout).toBe('lrwxrwxrwx 0/0 7 2024-01-01 00:00:00 lib -> usr/lib\n');
    const followed = await runCli(sandbox, ['ls', IMAGE, 'lib/']);
    expect(followed.stdout.split('\n').length).toBeGreaterThan(1);
    expect(followed.stdout).not.toContain('->');
  });

  test('--recursive lists whole paths, odd bytes are escaped', async () => {
    const { stdout } = await runCli(sandbox, ['ls', 'odd.lines', '-R']);
    expect(stdout.split('\n')).toEqual([
      'drwxr-xr-x 0/0       0 1970-01-01 00:00:00 /',
      '-rw-r--r-- 0/0       5 1970-01-01 00:00:00 /a',
      '-rw-r--r-- 0/0 4000000 1970-01-01 00:00:00 /b\\x01\\xe9',
      '-rw-r--r-- 0/0       1 1970-01-01 00:00:00 /back\\\\slash',
      '',
    ]);
    const all = await runCli(sandbox, ['ls', 'image.squashfs', '--recursive']);
    expect(all.stdout.trimEnd().split('\n')).toHaveLength(29);
  });

  test('--json', async () => {
    const { stdout } = await runCli(sandbox, ['ls', 'image.squashfs', '/etc/hostname', '--json']);
    expect(JSON.parse(stdout)).toEqual([
      {
        path: '/etc/hostname',
        type: 'file',
        mode: '0644',
        uid: 0,
        gid: 0,
        size: 5,
        mtime: 1_704_240_000,
        mtimeNs: 0,
        links: 1,
      },
    ]);
  });

  test('a name that is not there exits 1', async () => {
    const { code, stderr } = await runCli(sandbox, ['ls', 'image.squashfs', 'nope']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'Error: nope: no such name in the image\n' });
  });
});

describe('cat', () => {
  test('writes the bytes of a file', async () => {
    for (const image of ['image.squashfs', IMAGE]) {
      const { code, stdout, stderr } = await runCli(sandbox, ['cat', image, '/etc/hostname']);
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'demo\n', stderr: '' });
    }
  });

  test('a name that cannot be typed is found by its escapes', async () => {
    const { code, stdout } = await runCli(sandbox, ['cat', 'odd.lines', 'b\\x01\\xe9']);
    expect({ code, length: stdout.length }).toEqual({ code: 0, length: 4_000_000 });
    expect((await runCli(sandbox, ['cat', 'odd.lines', 'back\\slash'])).stdout).toBe('z');
    expect((await runCli(sandbox, ['cat', 'odd.lines', 'back\\\\slash'])).stdout).toBe('z');
  });

  test('a directory, a missing path and --json are refused', async () => {
    const directory = await runCli(sandbox, ['cat', 'image.squashfs', 'etc']);
    expect(directory).toMatchObject({ code: 1, stdout: '' });
    expect(directory.stderr).toContain('is not a regular file: it is a directory');
    expect((await runCli(sandbox, ['cat', 'image.squashfs'])).code).toBe(2);
    expect((await runCli(sandbox, ['cat', 'image.squashfs', 'etc/motd', '--json'])).code).toBe(2);
  });

  test('a reader that goes away is no failure', async () => {
    const { child, done } = startCli(sandbox, ['cat', 'odd.lines', 'b\\x01\\xe9']);
    child.stdout!.once('data', () => child.stdout!.destroy());
    const { code, stderr } = await done;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('inspect', () => {
  test('an OCI image', async () => {
    const { code, stdout, stderr } = await runCli(sandbox, ['inspect', IMAGE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^format {11}oci\nmanifest {9}sha256:[0-9a-f]{64}\nconfig {11}sha256:[0-9a-f]{64}\n/m,
    );
    expect(stdout).toMatch(/^platform {9}linux\/amd64\ncreated {10}2024-01-01T00:00:00Z\n/m);
    expect(stdout).toMatch(
      /^entrypoint {7}\["\/usr\/bin\/hello"\]\nenv {14}PATH=\/usr\/bin\nlayers {11}3, 152.7 kB stored\n/m,
    );
    expect(stdout).toContain(', 8 entries, 2 whiteouts\n');
  });

  test('an OCI image as JSON', async () => {
    const { oci, tree, format } = JSON.parse((await runCli(sandbox, ['inspect', IMAGE, '--json'])).stdout);
    expect(format).toBe('oci');
    expect(oci).toMatchObject({
      platform: 'linux/amd64',
      config: { entrypoint: ['/usr/bin/hello'], env: ['PATH=/usr/bin'] },
      layers: [
        { entries: 29, whiteouts: 0 },
        { entries: 8, whiteouts: 2 },
        { entries: 3, whiteouts: 1 },
      ],
    });
    expect(oci.layers[0]).toEqual({
      digest: expect.stringMatching(/^sha256:/),
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      fromCache: false,
      size: expect.any(Number),
      tarBytes: expect.any(Number),
      entries: 29,
      whiteouts: 0,
    });
    expect(tree).toMatchObject({ entries: 29, files: 10, hardLinks: 1 });
  });

  test('a filesystem image', async () => {
    const { stdout } = await runCli(sandbox, ['inspect', 'image.squashfs']);
    expect(stdout).toMatch(/^format {11}squashfs\n/m);
    expect(stdout).toMatch(/^block size {7}131072\n/m);
    expect(stdout).toMatch(/^contents {9}29 names, 10 files, 15 directories, 1 symlink, /m);
    const { facts, tree } = JSON.parse((await runCli(sandbox, ['inspect', 'odd.lines', '--json'])).stdout);
    expect(facts).toEqual({ lines: 3 });
    expect(tree).toMatchObject({ entries: 4, files: 3, bytes: 4_000_006 });
  });
});
