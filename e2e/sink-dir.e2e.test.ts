import { spawn } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOcirenderError, type SinkContext, type SinkSession } from '../packages/interface/src/index.ts';
import {
  compareTrees,
  driveSession,
  expectedTree,
  FULL_CAPABILITIES,
  TreeBuilder,
  testSink,
  textContent,
} from '../packages/sink-compliance/src/index.ts';
import { dirSink } from '../packages/sink-dir/src/index.ts';
import { CLI } from './support/cli.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { must, run } from './support/run.ts';
import { FULL } from './support/sample.ts';
import { extractTar, listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

let directory: string;

beforeAll(async () => {
  directory = await makeDirectory();
  expect(process.geteuid!(), 'these tests need root').toBe(0);
});

afterAll(() => removeDirectory(directory));

// The whole compliance suite again, now read with Python's os.lstat and os.listxattr.
testSink({
  name: 'sink-dir as root, read by Python',
  factory: () => dirSink,
  read: listTree,
  capabilities: {
    timeRange: [-(2 ** 31) + 1, 2 ** 34 - 2 ** 31 - 2],
    xattrBytes: 3000,
    reproducible: false,
  },
});

function contextFor(path: string): SinkContext {
  return {
    output: { kind: 'directory', path },
    options: {},
    threads: 1,
    signal: new AbortController().signal,
    diagnose: () => {},
  };
}

describe('without root', () => {
  const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];

  test('the directory and its mtree file together are the whole image', async () => {
    await ensureImages(['debian']);
    const image = join(directory, 'image');
    await must('cp', ['-r', join(IMAGE_DIRECTORY, 'debian'), image]);
    await must('chmod', ['-R', 'a+rX', image]);
    const own = join(directory, 'nobody');
    await mkdir(own);
    await must('chmod', ['755', directory]);
    await must('chown', ['65534:65534', own]);
    const output = join(own, 'output');
    const env = { PATH: process.env['PATH']!, HOME: own };
    const convert = [
      process.execPath,
      CLI,
      'convert',
      image,
      '--sink',
      'dir',
      '--progress',
      'none',
      '--json',
    ];
    const { code, stdout, stderr } = await run('setpriv', [...asNobody, ...convert, '--output', output], {
      env,
    });
    expect(code, stdout + stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      details: { mtree: true, 'missing device': expect.any(Number) },
    });
    expect((await readdir(own)).filter((name) => name.startsWith('output')).sort()).toEqual([
      'output',
      'output.mtree',
    ]);
    expect((await lstat(output)).uid).toBe(65534);
    // What bsdtar makes of both is what root gets at once.
    await must('bsdtar', ['-C', output, '-cf', join(own, 'all.tar'), `@${output}.mtree`]);
    await extractTar(join(own, 'all.tar'), join(own, 'extracted'));
    const asRoot = join(directory, 'root');
    await must(process.execPath, [
      CLI,
      'convert',
      image,
      '--sink',
      'dir',
      '--output',
      asRoot,
      '--progress',
      'none',
    ]);
    const [actual, expected] = [await listTree(join(own, 'extracted')), await listTree(asRoot)];
    expect(compareTrees(actual, expected, FULL_CAPABILITIES)).toEqual([]);
  });

  test('setuid bits do not come to another owner, own files keep theirs', async () => {
    const files = await readFile(join(directory, 'nobody', 'output.mtree'), 'latin1');
    const line = files.split('\n').find((text) => text.startsWith('./usr/bin/passwd '));
    expect(line).toMatch(/ mode=04755 uid=0 /);
    expect((await lstat(join(directory, 'nobody/output/usr/bin/passwd'))).mode & 0o7777).toBe(0o755);
  });
});

/** Attacks: they are refused or fail by chance, so a few show little and many a lot. */
const ROUNDS = FULL ? 15 : 4;

describe('attacks', () => {
  /** Replaces whatever directories, files and nodes it finds by links to the outside, and moves them about. */
  const ATTACKER = `
import os, random, sys
root, outside = sys.argv[1:3]
print('ready', flush=True)
swaps = 0
while os.path.exists(outside + '/go'):
    for top, dirs, files in os.walk(root):
        names = dirs + files
        random.shuffle(names)
        for name in names[:8]:
            path = os.path.join(top, name)
            try:
                if os.path.islink(path): continue
                os.rename(path, os.path.join(root, 'moved-%d' % swaps))
                os.symlink(outside if name in dirs else os.path.join(outside, 'victim'), path)
                swaps += 1
            except OSError:
                pass
print(swaps, flush=True)
`;

  test('nothing outside is touched while another process swaps directories for links', async () => {
    const outside = join(directory, 'outside');
    await mkdir(join(outside, 'd0/e0'), { recursive: true });
    await writeFile(join(outside, 'victim'), 'untouched', { mode: 0o600 });
    await writeFile(join(outside, 'd0/e0/f0'), 'untouched', { mode: 0o600 });
    const before = [...(await listTree(outside))];
    let swaps = 0;
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const builder = new TreeBuilder();
      for (let d = 0; d < 20; d++) {
        builder.directory(`d${d}`, { mode: 0o777, uid: 12, gid: 13 });
        for (let e = 0; e < 5; e++) {
          builder.directory(`d${d}/e${e}`, { mode: round % 2 === 0 ? 0o777 : 0, uid: 12, gid: 13 });
          for (let f = 0; f < 20; f++) {
            builder.file(`d${d}/e${e}/f${f}`, f % 3 === 0 ? undefined : textContent(`${f}`), {
              mode: 0o4777,
              uid: 12,
            });
          }
          builder.special(`d${d}/e${e}/fifo`, 'fifo', { mode: 0o777, uid: 12 });
          builder.symlink(`d${d}/e${e}/link`, 'victim', { uid: 12 });
          builder.device(`d${d}/e${e}/null`, 'character-device', 1, 3, { mode: 0o777, uid: 12 });
        }
      }
      builder.file('victim', textContent('new'), { mode: 0o777, uid: 12 });
      await writeFile(join(outside, 'go'), '');
      const path = join(directory, `attacked-${round}`);
      const attacker = spawn('python3', ['-c', ATTACKER, path, outside], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      await new Promise<void>((resolve) => {
        attacker.stdout.on('data', (text: Buffer) => {
          printed += text.toString();
          resolve();
        });
      });
      let session: SinkSession | undefined;
      try {
        session = await dirSink.open(contextFor(path));
        await driveSession(session, builder.build());
      } catch (error) {
        if (!isOcirenderError(error)) throw error;
        refused++;
        await session?.abort(error);
      }
      await rename(join(outside, 'go'), join(directory, 'gone'));
      await new Promise((resolve) => {
        attacker.once('close', resolve);
      });
      swaps += Number(printed.split('\n')[1]);
      await removeDirectory(path);
      expect(await withoutRootTime(outside)).toEqual(before.filter(([name]) => name !== ''));
    }
    expect(swaps).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  /** The attacker's own file changes the time of the directory itself. */
  async function withoutRootTime(path: string): Promise<unknown[]> {
    const stats = await lstat(path);
    expect([stats.mode & 0o7777, stats.uid, stats.gid]).toEqual([0o755, 0, 0]);
    return [...(await listTree(path))].filter(([name]) => name !== '');
  }
});

describe('file systems', () => {
  test('a full one ends in a typed error', async () => {
    const small = join(directory, 'small');
    await mkdir(small);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const session = await dirSink.open(contextFor(join(small, 'output')));
      const builder = new TreeBuilder().file('big/file', textContent('x'.repeat(3_000_000)));
      const error: unknown = await driveSession(session, builder.build()).catch((thrown: unknown) => thrown);
      await session.abort(error);
      expect(error).toMatchObject({
        code: 'ERR_OCIRENDER_IO',
        message: expect.stringContaining('big/file'),
        hint: expect.stringContaining('Free space'),
        cause: expect.objectContaining({ code: 'ENOSPC' }),
      });
    } finally {
      await must('umount', [small]);
    }
  });

  test('times that the file system clamps or rounds are told', async () => {
    const image = join(directory, 'old.img');
    const mounted = join(directory, 'old');
    await mkdir(mounted);
    await must('truncate', ['-s', '32M', image]);
    await must('mkfs.ext4', ['-q', '-I', '128', image]);
    await must('mount', ['-o', 'loop', image, mounted]);
    try {
      const builder = new TreeBuilder()
        .file('whole', textContent('1'), { mtime: 1_000_000_000 })
        .file('fine', textContent('2'), { mtime: 1_000_000_000, mtimeNs: 1 })
        .symlink('late', 'whole', { mtime: 5_000_000_000 })
        .directory('early', { mtime: -3_000_000_000 });
      const output = join(mounted, 'output');
      const report = await driveSession(await dirSink.open(contextFor(output)), builder.build());
      expect(report).toMatchObject({ details: { 'missing time': 3, mtree: true }, sidecars: ['.mtree'] });
      const tree = await listTree(output);
      expect(tree.get('whole')?.mtime).toBe(1_000_000_000);
      expect(tree.get('late')?.mtime).toBe(2 ** 31 - 1);
      expect(await readFile(`${output}.mtree`, 'latin1')).toContain(
        './late type=link mode=0777 uid=0 gid=0 time=5000000000.000000000 ',
      );
    } finally {
      await must('umount', [mounted]);
    }
  });

  test('everything holds on tmpfs', async () => {
    const mounted = join(directory, 'tmpfs');
    await mkdir(mounted);
    await must('mount', ['-t', 'tmpfs', 'tmpfs', mounted]);
    try {
      const builder = new TreeBuilder({ mode: 0o700, mtime: -5, mtimeNs: 1 })
        .file('a', textContent('a'), {
          mode: 0o6755,
          uid: 1,
          gid: 2,
          xattrs: new Map([['trusted.t', Buffer.from('t')]]),
        })
        .link('b', 'a')
        .device('c', 'block-device', 8, 1)
        .symlink('d', 'a', { uid: 3 });
      const planned = builder.build();
      const output = join(mounted, 'output');
      await driveSession(await dirSink.open(contextFor(output)), planned);
      const expected = expectedTree(planned, FULL_CAPABILITIES);
      expect(compareTrees(await listTree(output), expected, FULL_CAPABILITIES)).toEqual([]);
    } finally {
      await must('umount', [mounted]);
    }
  });
});
