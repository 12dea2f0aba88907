import { type ChildProcess, spawn } from 'node:child_process';
import { cp, lstat, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareTrees, FULL_CAPABILITIES } from '../packages/sink-compliance/src/index.ts';
import { ocirender, startOcirender } from './support/cli.ts';
import { fileDigest } from './support/file-digest.ts';
import { writeLayout } from './support/layout.ts';
import { DEMO_IMAGE } from './support/output-trial.ts';
import { type Finished, finished, must } from './support/run.ts';
import { listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

let directory: string;

beforeAll(async () => {
  directory = await makeDirectory();
});

afterAll(() => removeDirectory(directory));

const path = (name: string): string => join(directory, name);

function convert(
  sink: string,
  output: string,
  args: readonly string[] = [],
  image = DEMO_IMAGE,
): Promise<Finished> {
  return ocirender(['convert', image, '-s', sink, '-o', output, '--progress', 'none', ...args], {
    cwd: directory,
  });
}

async function succeed(
  sink: string,
  output: string,
  args: readonly string[] = [],
  image?: string,
): Promise<void> {
  const { code, stderr } = await convert(sink, output, args, image);
  expect(code, stderr).toBe(0);
}

describe('devices', () => {
  /** The second is more than `--force`. */
  const FORCE = [[], ['--replace-directory']];

  test('a block device keeps every byte, by its own name and through a link', async () => {
    await writeFile(path('backing'), Buffer.alloc(8_000_000, 7));
    const loop = (await must('losetup', ['--find', '--show', path('backing')])).trim();
    try {
      await symlink(loop, path('disk'));
      for (const name of [loop, path('disk')]) {
        for (const sink of ['ext4', 'tar', 'dir']) {
          for (const force of FORCE) {
            const { code, stderr } = await convert(sink, name, force);
            expect(code).toBe(1);
            expect(stderr).toContain(`the output "${name}" is a block device`);
            expect(stderr).not.toContain('--force');
          }
        }
      }
      expect((await stat(loop)).isBlockDevice()).toBe(true);
      expect((await lstat(path('disk'))).isSymbolicLink()).toBe(true);
    } finally {
      await must('losetup', ['--detach', loop]);
    }
    expect(Buffer.alloc(8_000_000, 7).equals(await readFile(path('backing')))).toBe(true);
  });

  test('a character device, a socket and a FIFO stay what they are', async () => {
    // As /dev/null is.
    await must('mknod', [path('null'), 'c', '1', '3']);
    await must('mkfifo', [path('fifo')]);
    await must('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind('${path('socket')}')`]);
    for (const name of ['null', 'fifo', 'socket']) {
      const before = await stat(path(name));
      for (const force of FORCE) {
        for (const args of [
          ['squashfs', name],
          ['squashfs', 'other', '--config-out', name],
        ]) {
          const { code, stderr } = await convert(args[0]!, args[1]!, [...args.slice(2), ...force]);
          expect(code).toBe(1);
          expect(stderr).toMatch(/ is a (character device|FIFO|socket)/);
          expect(stderr).not.toContain('--force');
        }
      }
      const after = await stat(path(name));
      expect([after.mode, after.ino, after.rdev]).toEqual([before.mode, before.ino, before.rdev]);
    }
  });

  test('a tar goes through a FIFO whole', async () => {
    await must('mkfifo', [path('pipe')]);
    const reader = finished(spawn('sha256sum', [path('pipe')], { stdio: ['ignore', 'pipe', 'pipe'] }));
    await succeed('tar', path('pipe'), ['--plan-first']);
    await succeed('tar', path('plain.tar'), ['--plan-first']);
    expect((await reader).stdout.slice(0, 64)).toBe(await fileDigest(path('plain.tar')));
    expect((await stat(path('pipe'))).isFIFO()).toBe(true);
  });

  test('/dev/stdout is not replaced', async () => {
    const before = await lstat('/dev/stdout');
    const { code, stderr } = await convert('squashfs', '/dev/stdout');
    expect(code).toBe(1);
    expect(stderr).toContain('is a name of an open file');
    expect((await lstat('/dev/stdout')).ino).toBe(before.ino);
  });
});

test('bind mounts do not hide that the output is the input, contains it, or lies in it', async () => {
  await cp(DEMO_IMAGE, path('whole/part/image'), { recursive: true });
  await mkdir(path('bound'));
  await must('mount', ['--bind', path('whole/part'), path('bound')]);
  try {
    for (const [image, output, relation] of [
      ['bound/image', 'whole', 'contains'],
      ['bound/image', 'whole/part/image', 'is'],
      ['whole/part/image', 'bound/image', 'is'],
      ['whole/part/image', 'bound/image/new', 'lies in'],
      ['bound/image', 'whole/part/image/blobs/new', 'lies in'],
    ] as const) {
      const { code, stderr } = await convert('dir', output, ['--replace-directory'], image);
      expect(code).toBe(2);
      expect(stderr).toContain(`the output "${output}" ${relation} the input "${image}"`);
    }
  } finally {
    await must('umount', [path('bound')]);
  }
  expect(await readdir(path('whole/part/image'))).toContain('index.json');
});

test('a file that is a mount point is refused, and keeps its content', async () => {
  await writeFile(path('mounted'), 'precious');
  await writeFile(path('mounted-on'), '');
  await must('mount', ['--bind', path('mounted'), path('mounted-on')]);
  try {
    const { code, stderr } = await convert('tar', path('mounted-on'), ['--force']);
    expect(code).toBe(1);
    expect(stderr).toContain('is a mount point, which cannot be replaced');
  } finally {
    await must('umount', [path('mounted-on')]);
  }
  expect(await readFile(path('mounted'), 'utf8')).toBe('precious');
});

describe('an ext4 of its own', () => {
  /** Makes a filesystem, and runs something while it is mounted. */
  async function onDisk<T>(name: string, use: (mount: string, backing: string) => Promise<T>): Promise<T> {
    const backing = path(`${name}.ext4`);
    await writeFile(backing, '');
    await truncate(backing, 40_000_000);
    await must('mkfs.ext4', ['-q', backing]);
    const mount = path(name);
    await mkdir(mount);
    await must('mount', ['-o', 'loop', backing, mount]);
    try {
      return await use(mount, backing);
    } finally {
      await must('umount', [mount]);
    }
  }

  /** What a power cut right now would leave. */
  async function afterPowerCut<T>(backing: string, use: (mount: string) => Promise<T>): Promise<T> {
    const copy = `${backing}.copy`;
    await must('cp', ['--sparse=always', backing, copy]);
    const after = path('after');
    await mkdir(after, { recursive: true });
    // Its journal has to be replayed.
    await must('mount', ['-o', 'loop', copy, after]);
    try {
      return await use(after);
    } finally {
      await must('umount', [after]);
    }
  }

  test.each(['new', 'replaced'])(
    'a power cut right after exit 0 loses nothing of a %s directory',
    async (state) => {
      await succeed('dir', path(`expected-${state}`));
      const expected = await listTree(path(`expected-${state}`));
      await onDisk(`cut-${state}`, async (mount, backing) => {
        if (state === 'replaced') {
          await mkdir(join(mount, 'tree/old'), { recursive: true });
          await must('sync', ['-f', mount]);
        }
        await succeed('dir', join(mount, 'tree'), ['--replace-directory']);
        await afterPowerCut(backing, async (copy) => {
          expect(compareTrees(await listTree(join(copy, 'tree')), expected, FULL_CAPABILITIES)).toEqual([]);
          expect((await readdir(copy)).sort()).toContain('tree');
        });
      });
    },
  );

  test('a mount point with only lost+found is filled, durably, and empty again after a failure', async () => {
    await succeed('dir', path('expected-fill'));
    const expected = await listTree(path('expected-fill'));
    await onDisk('fill', async (mount, backing) => {
      const before = await stat(mount);
      await cp(DEMO_IMAGE, path('damaged'), { recursive: true });
      const blobs = path('damaged/blobs/sha256');
      for (const name of await readdir(blobs)) {
        const file = join(blobs, name);
        const { size } = await stat(file);
        if (size > 10_000) await truncate(file, size - 1);
      }
      const { code, stderr } = await convert('dir', mount, [], path('damaged'));
      expect(code, stderr).toBe(1);
      expect(await readdir(mount)).toEqual(['lost+found']);
      const after = await stat(mount);
      expect([after.mode, after.uid, after.mtimeMs]).toEqual([before.mode, before.uid, before.mtimeMs]);

      await succeed('dir', mount);
      await afterPowerCut(backing, async (copy) => {
        const tree = new Map(await listTree(copy));
        tree.delete('lost+found');
        // It was one of the root's links.
        const root = tree.get('')!;
        tree.set('', { ...root, links: root.links! - 1 });
        expect(compareTrees(tree, expected, FULL_CAPABILITIES)).toEqual([]);
      });

      const again = await convert('dir', mount, ['--replace-directory']);
      expect(again.code).toBe(1);
      expect(again.stderr).toContain('It is a mount point');
    });
  });
});

describe('a small layer of large files', () => {
  beforeAll(async () => {
    await must('sh', [
      '-c',
      'mkdir "$1" && truncate -s 60M "$1/zeros" && tar -C "$1" -cf "$1.tar" zeros',
      'sh',
      path('bomb'),
    ]);
    const bytes = gzipSync(await readFile(path('bomb.tar')));
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    await writeLayout(path('bomb-image'), [{ bytes, mediaType }]);
  });

  test.each(['tar', 'dir', 'ext4'])('is refused by %s before it fills the disk', async (sink) => {
    const place = path(`room-${sink}`);
    await mkdir(place);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', place]);
    try {
      const { code, stderr } = await convert(sink, join(place, 'out'), [], path('bomb-image'));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^Error: the disk is too small for the image: zeros has 62914560 bytes, and \d+ are left/m,
      );
      expect(stderr).toContain('--max-total-size');
      expect(await readdir(place)).toEqual([]);
    } finally {
      await must('umount', [place]);
    }
  });
});

test('a signal ends a conversion whose reader does not read', async () => {
  await must('mkfifo', [path('stuck')]);
  const reader: ChildProcess = spawn('sh', ['-c', 'exec 3<"$1"; exec sleep 60', 'sh', path('stuck')]);
  const child = startOcirender([
    'convert',
    DEMO_IMAGE,
    '-s',
    'tar',
    '-o',
    path('stuck'),
    '--plan-first',
    '--progress',
    'none',
  ]);
  const ended = finished(child);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(child.exitCode).toBeNull();
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);
  reader.kill();
});

test('names of 250 bytes work for every sink', async () => {
  const place = path('long');
  await mkdir(place);
  const name = 'n'.repeat(250);
  for (const sink of ['squashfs', 'ext4', 'tar', 'dir']) {
    await succeed(sink, join(place, name));
    expect(await readdir(place)).toEqual([name]);
    await must('rm', ['-r', join(place, name)]);
  }
});
