import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareTrees,
  FULL_CAPABILITIES,
  type ReadEntry,
  type ReadTree,
} from '../packages/sink-compliance/src/index.ts';
import { CLI, convertWithCli, ocirender } from './support/cli.ts';
import { fileDigest } from './support/file-digest.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { must, run } from './support/run.ts';
import { listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

let directory: string;
const image = join(IMAGE_DIRECTORY, 'debian');
/** Hash of the tar of the layout. */
let reference: string;

beforeAll(async () => {
  await ensureImages(['debian']);
  directory = await makeDirectory();
  const output = join(directory, 'reference.tar');
  await convertWithCli(image, 'tar', output);
  reference = await fileDigest(output);
});

afterAll(() => removeDirectory(directory));

/** An overlay counts the links of a lower layer that it does not show, and none of directories. */
function withVisibleLinks(tree: ReadTree): ReadTree {
  const names = new Map<ReadEntry['inode'], number>();
  for (const [, { inode }] of tree) names.set(inode, (names.get(inode) ?? 0) + 1);
  return new Map([...tree].map(([path, entry]) => [path, { ...entry, links: names.get(entry.inode)! }]));
}

/** Converts to a tar and gives its hash. */
async function converted(reference: string, args: readonly string[] = []): Promise<string> {
  const output = join(directory, 'output.tar');
  await convertWithCli(reference, 'tar', output, ['--force', ...args]);
  return fileDigest(output);
}

describe('archives by skopeo', () => {
  describe.each([
    ['oci-archive', ':latest', 'zstd'],
    ['docker-archive', ':debian:latest', 'pigz'],
  ])('%s', (form, name, compressor) => {
    let archive: string;

    beforeAll(async () => {
      archive = join(directory, `${form}.tar`);
      await must('skopeo', ['copy', '--quiet', `oci:${image}:latest`, `${form}:${archive}${name}`]);
    });

    test('plain: the same tar as from the layout, and no temporary file', async () => {
      const spool = join(directory, 'no-such-directory');
      expect(await converted(archive, ['--spool', spool])).toBe(reference);
    });

    test(`by ${compressor}: the same tar, and no temporary file is left`, async () => {
      const spool = join(directory, 'spool');
      await mkdir(spool, { recursive: true });
      const path = `${archive}.compressed`;
      await must('sh', ['-c', '"$0" -c < "$1" > "$2"', compressor, archive, path]);
      expect(await converted(path, ['--spool', spool])).toBe(reference);
      expect(await readdir(spool)).toEqual([]);
    });

    test('forced by a prefix', async () => {
      expect(await converted(`${form}:${archive}${name}`)).toBe(reference);
    });

    test('on standard input', async () => {
      const output = join(directory, 'stdin.tar');
      const args = ['convert', '-', '-s', 'tar', '-o', output, '--force', '--progress', 'none'];
      const child = spawn(process.execPath, [CLI, ...args], { stdio: ['pipe', 'ignore', 'ignore'] });
      createReadStream(archive).pipe(child.stdin);
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
      expect(await fileDigest(output)).toBe(reference);
    });
  });

  test('--config-out writes the config byte for byte, --json says which image it was', async () => {
    const config = join(directory, 'config.json');
    const output = join(directory, 'with-config.tar');
    const { code, stdout } = await ocirender([
      'convert',
      image,
      '-o',
      output,
      '--config-out',
      config,
      '--json',
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    const written = await readFile(config, 'utf8');
    expect(report).toMatchObject({
      configDigest: `sha256:${await fileDigest(config)}`,
      config: JSON.parse(written) as unknown,
      platform: { os: 'linux', architecture: 'amd64' },
      manifestDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      bytesOut: (await stat(output)).size,
      bytesIn: expect.any(Number) as number,
      wastedBytes: expect.any(Number) as number,
      diagnostics: expect.any(Array) as unknown[],
      timings: { total: expect.any(Number) as number },
    });
    const raw = await must('skopeo', ['inspect', '--config', '--raw', `oci:${image}:latest`]);
    expect(written).toBe(raw);
    // What failed leaves neither.
    const failing = ['convert', image, '-o', join(directory, 'no/such.tar'), '--config-out', `${config}.2`];
    expect((await ocirender(failing)).code).toBe(1);
    expect(await run('ls', [`${config}.2`])).toMatchObject({ code: 2 });
  });

  test('what is mistyped is said to be missing, without asking a registry', async () => {
    for (const name of ['./nothing', '/nothing', 'nothing.tar', 'images/nothing']) {
      const { code, stderr } = await ocirender(['convert', name, '-o', join(directory, 'x.tar')]);
      expect(code).toBe(1);
      expect(stderr).toContain(`there is no file or directory ${name}`);
    }
  });
});

describe('overlay2', () => {
  const WITH_SOCKETS = { ...FULL_CAPABILITIES, types: [...FULL_CAPABILITIES.types, 'socket' as const] };
  let storage: string;
  const ids = ['base', 'middle', 'top'];

  /** What the layers change, each on top of those before. */
  const CHANGES = [
    `mkdir -p dir/sub gone/deep opaque/below keep; echo 1 > dir/file; ln dir/file dir/sub/link; ln -s ../dir/file keep/symlink;
     echo x > gone/deep/x; echo old > opaque/old; echo old > opaque/below/old; mknod keep/null c 1 3; mkfifo keep/fifo;
     python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("keep/socket")';
     setfattr -n user.comment -v hello dir/file; setcap cap_net_raw+ep dir/file || setfattr -n trusted.mine -v 1 dir; chown 12:34 keep;
     chmod 4711 dir/file; touch -d @1234567890.123456789 dir/file; truncate -s 3000000 big; printf end >> big;
     mkdir "$(printf 'b\\377d')"; echo '.wh' > whiteout.txt; mkdir -m 1777 tmp; touch -d @-5 keep/symlink -h`,
    `rm -r gone dir/sub/link; rm -r opaque; mkdir opaque; echo new > opaque/new; echo 2 >> dir/file; mkdir gone; rm keep/null;
     echo other > other; ln other other2`,
    `rm -r opaque/new; touch opaque/last; rm dir/file; mkdir dir/file; echo deep > dir/file/deep; chmod 700 .; rm -r gone; echo file > gone;
     mv other renamed`,
  ];

  beforeAll(async () => {
    storage = join(directory, 'overlay2');
    await mkdir(join(storage, 'l'), { recursive: true });
    // An overlay needs an upper directory that is not on an overlay itself.
    await must('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', storage]);
    await mkdir(join(storage, 'l'));
    for (const [n, id] of ids.entries()) {
      const layer = join(storage, id);
      for (const name of ['diff', 'work', 'merged']) await mkdir(join(layer, name), { recursive: true });
      await writeFile(join(layer, 'link'), id.toUpperCase());
      await must('ln', ['-s', `../${id}/diff`, join(storage, 'l', id.toUpperCase())]);
      const lower = ids.slice(0, n).reverse();
      if (n > 0)
        await writeFile(join(layer, 'lower'), lower.map((name) => `l/${name.toUpperCase()}`).join(':'));
      const change = async (place: string): Promise<unknown> =>
        must('sh', ['-ec', CHANGES[n]!], { cwd: place });
      if (n === 0) await change(join(layer, 'diff'));
      else await mounted(id, lower, change);
    }
  });

  afterAll(async () => {
    await must('umount', [storage]);
  });

  /** Mounts a layer on those below, as Docker does. */
  async function mounted<T>(
    id: string,
    lower: readonly string[],
    use: (merged: string) => Promise<T>,
  ): Promise<T> {
    const layer = join(storage, id);
    const lowers = lower.map((name) => join(storage, name, 'diff')).join(':');
    const options = `index=off,redirect_dir=off,metacopy=off,lowerdir=${lowers},upperdir=${layer}/diff,workdir=${layer}/work`;
    await must('mount', ['-t', 'overlay', 'overlay', '-o', options, join(layer, 'merged')]);
    try {
      return await use(join(layer, 'merged'));
    } finally {
      await must('umount', [join(layer, 'merged')]);
    }
  }

  test.each(['', 'overlay2:'])('the tree is what the kernel shows (prefix "%s")', async (prefix) => {
    const output = join(directory, 'overlay2-tree');
    await convertWithCli(`${prefix}${join(storage, 'top')}`, 'dir', output, ['--replace-directory']);
    const expected = withVisibleLinks(await mounted('top', ['middle', 'base'], listTree));
    expect(expected.get('gone')?.type).toBe('file');
    expect(expected.get('keep/socket')?.type).toBe('socket');
    expect([...expected.keys()].filter((name) => name.startsWith('opaque'))).toEqual([
      'opaque',
      'opaque/last',
    ]);
    expect(compareTrees(withVisibleLinks(await listTree(output)), expected, WITH_SOCKETS)).toEqual([]);
  });

  test('a middle layer is the image that it was', async () => {
    const output = join(directory, 'overlay2-middle');
    await convertWithCli(join(storage, 'middle'), 'dir', output);
    const expected = withVisibleLinks(await mounted('middle', ['base'], listTree));
    expect(compareTrees(withVisibleLinks(await listTree(output)), expected, WITH_SOCKETS)).toEqual([]);
  });

  test('a renamed directory (redirect_dir) is refused, and nothing is written', async () => {
    await must('setfattr', [
      '-n',
      'trusted.overlay.redirect',
      '-v',
      '/elsewhere',
      join(storage, 'base/diff/dir'),
    ]);
    const output = join(directory, 'overlay2-redirected');
    const { code, stderr } = await ocirender(['convert', join(storage, 'base'), '-s', 'dir', '-o', output]);
    expect(code).toBe(1);
    expect(stderr).toContain('redirect_dir');
    expect(await run('ls', [output])).toMatchObject({ code: 2 });
    await must('setfattr', ['-x', 'trusted.overlay.redirect', join(storage, 'base/diff/dir')]);
  });
});
