import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await makeSandbox([]);
});
afterAll(() => sandbox.remove());

describe('what is mistyped', () => {
  test.each([
    [
      ['convrt', IMAGE, 'x.tar'],
      'Error: there is no command "convrt"\nHint: Did you mean "convert"? "ocirender --help" lists the commands.\n',
    ],
    [['xyzzy'], 'Error: there is no command "xyzzy"\nHint: "ocirender --help" lists the commands.\n'],
    [
      ['plugins', 'instal', 'x'],
      'Error: there is no command "plugins instal"\nHint: Did you mean "plugins install"? "ocirender --help" lists the commands.\n',
    ],
    [
      ['cache', 'prnue'],
      'Error: there is no command "cache prnue"\nHint: Did you mean "cache prune"? "ocirender --help" lists the commands.\n',
    ],
  ])('%j is answered', async (args, answer) => {
    const { code, stdout, stderr } = await runCli(sandbox, args);
    expect([code, stdout, stderr]).toEqual([2, '', answer]);
  });

  test.each([
    ['x.erofs', 'ocirender plugins install @ocirender/sink-erofs'],
    ['x.img', 'Any filesystem can be meant. Say which with --sink NAME. Installed: dir, ext4, squashfs, tar'],
    ['x.tar.gz', 'ocirender convert IMAGE -s tar -o - --plan-first | gzip > x.tar.gz'],
    ['x.tgz', '| gzip > x.tgz'],
    ['x.tar.zst', '| zstd > x.tar.zst'],
    ['x.sqashfs', 'Did you mean ".squashfs"?'],
    ['x.unheard-of', 'Say it with --sink NAME. Installed: dir'],
    ['x', 'Say it with --sink NAME. Installed: dir'],
  ])('the output %s says no sink, and the answer says what to do', async (name, answer) => {
    const { code, stderr } = await runCli(sandbox, ['convert', IMAGE, name]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`the name "${name}" does not say which sink to use\nHint: `),
    ]);
    expect(stderr).toContain(answer);
  });
});

test('a command of another plugin fails as ours do', async () => {
  const { code, stderr } = await runCli(sandbox, ['help', 'nosuch']);
  expect(code).not.toBe(0);
  expect(stderr).toBe('Error: Command nosuch not found.\n');
});

test('--quiet: nothing but warnings and errors', async () => {
  const output = sandbox.path('quiet.sfs');
  const quiet = await runCli(sandbox, ['convert', IMAGE, output, '-q', '--progress', 'plain']);
  expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([0, '', '']);
  // A usual ending of squashfs, too.
  expect(readFileSync(output, 'latin1').slice(0, 4)).toBe('hsqs');
  const failed = await runCli(sandbox, ['convert', IMAGE, output, '-q']);
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/^Error: .*exists/)]);
  const both = await runCli(sandbox, ['convert', IMAGE, output, '-q', '-v']);
  expect(both.code).toBe(2);
});

test('an output that ends in a slash is a directory', async () => {
  const { code, stderr } = await runCli(sandbox, ['convert', IMAGE, `${sandbox.path('tree')}/`]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('(dir)')]);
  expect(readFileSync(sandbox.path('tree/etc/hostname'), 'utf8')).toBe('demo\n');
});

test('ls -l is what ls is', async () => {
  const [plain, long] = [await runCli(sandbox, ['ls', IMAGE]), await runCli(sandbox, ['ls', '-l', IMAGE])];
  expect([long.code, long.stdout]).toEqual([0, plain.stdout]);
});

describe('inspect --config', () => {
  test('prints the config as it is stored', async () => {
    const index = JSON.parse(readFileSync(`${IMAGE}/index.json`, 'utf8')) as {
      manifests: { digest: string }[];
    };
    const blob = (digest: string): string =>
      readFileSync(`${IMAGE}/blobs/${digest.replace(':', '/')}`, 'utf8');
    const manifest = JSON.parse(blob(index.manifests[0]!.digest)) as { config: { digest: string } };
    const config = blob(manifest.config.digest);
    const plain = await runCli(sandbox, ['inspect', IMAGE, '--config']);
    expect([plain.code, plain.stdout]).toEqual([0, config]);
    const json = await runCli(sandbox, ['inspect', IMAGE, '--config', '--json']);
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(config));
  });

  test('of what has none is wrong usage', async () => {
    await runCli(sandbox, ['convert', IMAGE, sandbox.path('plain.tar')]);
    const { code, stderr } = await runCli(sandbox, ['inspect', sandbox.path('plain.tar'), '--config']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('has no config: it is no OCI image')]);
  });
});

describe('a platform in parts', () => {
  test.each([
    [['--arch', 'amd64'], 0],
    [['--os', 'linux', '--arch', 'amd64'], 0],
    [['--arch', 'riscv64'], 1],
    [['--arch', 'amd64', '--platform', 'linux/amd64'], 2],
    [['--variant', 'v7'], 2],
  ])('%j', async (args, status) => {
    const { code, stderr } = await runCli(sandbox, ['ls', IMAGE, ...args]);
    expect(code).toBe(status);
    if (status === 1) expect(stderr).toContain('has nothing for linux/riscv64');
  });
});

test.each(['convert', 'ls', 'cat', 'inspect', 'pull', 'login', 'cache', 'cache prune'])(
  'the usage of %s is one line',
  async (command) => {
    const { stdout } = await runCli(sandbox, [...command.split(' '), '--help']);
    const lines = stdout.split('\n');
    const usage = lines.indexOf('USAGE');
    expect(lines[usage + 1]).toMatch(new RegExp(`^  \\$ ocirender ${command} `));
    expect(lines[usage + 2]).toBe('');
  },
);
