import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Entry, expandHoles, isOcirenderError } from '../packages/interface/src/index.ts';
import {
  compareTrees,
  FULL_CAPABILITIES,
  type ReadEntry,
  type ReadTree,
} from '../packages/sink-compliance/src/index.ts';
import { readTar } from '../packages/tar-header/src/index.ts';
import { must } from './support/run.ts';
import { listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8' } as Record<string, string>;
const CORPORA = fileURLToPath(new URL('../../shared/corpora/', import.meta.url));

let directory: string;
/** Small things that every format can hold. */
let plain: string;
/** Long names, xattrs, ACLs, precise times, holes. */
let rich: string;

beforeAll(async () => {
  directory = await makeDirectory();
  plain = join(directory, 'plain');
  rich = join(directory, 'rich');
  await makePlain();
  await makeRich();
});

afterAll(() => removeDirectory(directory));

async function makePlain(): Promise<void> {
  await mkdir(join(plain, 'dir/empty'), { recursive: true });
  await writeFile(join(plain, 'dir/file'), 'content\n');
  await writeFile(join(plain, 'empty'), '');
  await symlink('dir/../file', join(plain, 'symlink'));
  const script = `
    ln dir/file link; mkfifo fifo; mknod null c 1 3; mknod disk b 259 70000
    touch "$(printf 'bytes\\377')"; chown -h 1000:2000 dir/file symlink dir; chmod 6711 dir/file; chmod 1770 dir
    touch -h -d @1500000000 symlink fifo null disk empty dir/file "$(printf 'bytes\\377')"
    touch -d @1600000000 dir/empty dir .`;
  await must('sh', ['-ec', script], { cwd: plain });
}

async function makeRich(): Promise<void> {
  await mkdir(join(rich, 'dir'), { recursive: true });
  const name = 'n'.repeat(200);
  await writeFile(join(rich, name), 'long name');
  await mkdir(join(rich, 'd'.repeat(120)));
  await symlink('t'.repeat(300), join(rich, 'far'));
  await makeSparse(join(rich, 'holes'), 3_000_000, [
    [0, 4096],
    [1_000_000, 10],
    [2_500_000, 100],
  ]);
  await makeSparse(join(rich, 'tail'), 1_000_000, [[8192, 4096]]);
  await makeSparse(join(rich, 'nothing'), 100_001, []);
  await makeSparse(
    join(rich, 'many'),
    4_000_000,
    Array.from({ length: 60 }, (_, i) => [i * 65_536, 4096]),
  );
  const script = `
    ln ${name} ${name}2; touch -d '2001-02-03 04:05:06.123456789' ${name}; touch -d @-1 dir
    touch -d '@1600000000.5' holes`;
  await must('sh', ['-ec', script], { cwd: rich });
}

async function makeSparse(path: string, size: number, data: readonly (readonly number[])[]): Promise<void> {
  const file = await open(path, 'w');
  for (const [offset = 0, length = 0] of data)
    await file.write(Buffer.alloc(length, `${offset}.`), 0, length, offset);
  await file.truncate(size);
  await file.close();
}

/** Reads an archive as a tree, and collects its entries. */
async function readArchive(path: string): Promise<{ tree: ReadTree; entries: Entry[] }> {
  const tree = new Map<string, ReadEntry>();
  const entries: Entry[] = [];
  for await (const { entry, content } of readTar(createReadStream(path, { highWaterMark: 10_007 }))) {
    entries.push(entry);
    const name = entry.path.replace(/^\.\/?/, '');
    if (entry.type === 'hardlink') {
      tree.set(name, tree.get(entry.linkTarget.replace(/^\.\//, ''))!);
      continue;
    }
    const hash = createHash('sha256');
    for await (const bytes of expandHoles(content)) hash.update(bytes);
    const { type, mode, uid, gid, mtime, mtimeNs, xattrs, size, linkTarget, devMajor, devMinor } = entry;
    tree.set(name, {
      type,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      xattrs,
      inode: name,
      ...(type === 'file' ? { size, sha256: hash.digest('hex') } : {}),
      ...(type === 'symlink' ? { target: linkTarget } : {}),
      ...(type.endsWith('device') ? { devMajor, devMinor } : {}),
    });
  }
  return { tree, entries };
}

/** Archives a directory and checks that we read what is in it. */
async function check(source: string, command: readonly string[], isPrecise: boolean): Promise<Entry[]> {
  const archive = join(directory, 'archive.tar');
  const [program = '', ...options] = command;
  await must(program, [...options, '-cf', archive, '-C', source, '.'], { env: ENVIRONMENT });
  const { tree, entries } = await readArchive(archive);
  const expected = new Map(
    [...(await listTree(source))].map(([path, entry]) => [path, isPrecise ? entry : whole(entry)]),
  );
  expect(compareTrees(tree, expected, FULL_CAPABILITIES)).toEqual([]);
  return entries;
}

function whole(entry: ReadEntry): ReadEntry {
  return { ...entry, mtimeNs: 0 };
}

/** Without `-S` GNU tar stores holes as zeros. */
const sparseNames = (entries: readonly Entry[]): string[] =>
  entries
    .filter((entry) => entry.extents !== undefined)
    .map(({ path }) => path.slice(2))
    .sort();

describe('GNU tar', () => {
  test.each(['oldgnu', 'gnu', 'ustar', 'posix'])('--format=%s', async (format) => {
    await check(plain, ['tar', `--format=${format}`, '--numeric-owner'], format === 'posix');
  });

  test('--format=v7', async () => {
    // V7 knows no devices and FIFOs; GNU tar leaves them out and fails.
    const source = join(directory, 'v7');
    await must('sh', [
      '-ec',
      'cp -a "$0" "$1"; cd "$1"; rm fifo null disk; touch -d @1600000000 .',
      plain,
      source,
    ]);
    await check(source, ['tar', '--format=v7'], false);
  });

  const sparse = [
    'gnu',
    'posix --sparse-version=0.0',
    'posix --sparse-version=0.1',
    'posix --sparse-version=1.0',
  ];
  test.each(sparse)('-S --format=%s', async (format) => {
    const options = `--format=${format}`.split(' ');
    const entries = await check(rich, ['tar', '-S', ...options], format !== 'gnu');
    expect(sparseNames(entries)).toEqual(['holes', 'many', 'nothing', 'tail']);
    expect(entries.find(({ path }) => path === './many')?.extents).toHaveLength(60);
  });

  test('long names in GNU headers, without PAX', async () => {
    await check(rich, ['tar', '--format=gnu'], false);
  });

  test('incremental archives: dumpdirs, and times where others have a prefix', async () => {
    const snapshot = join(directory, 'snapshot');
    const entries = await check(plain, ['tar', '--format=gnu', `--listed-incremental=${snapshot}`], false);
    expect(entries[0]).toMatchObject({ type: 'directory', path: '.' });
  });

  test('xattrs and ACLs', async () => {
    const source = await makeAttributes('gnu-attributes');
    await check(
      source,
      ['tar', '--format=posix', '--acls', '--xattrs', '--xattrs-include=*', '--numeric-owner'],
      true,
    );
  });
});

describe('bsdtar', () => {
  test.each(['gnutar', 'ustar', 'pax'])('--format=%s', async (format) => {
    await check(plain, ['bsdtar', `--format=${format}`, '--numeric-owner'], format === 'pax');
  });

  test('sparse files and long names in pax', async () => {
    const entries = await check(rich, ['bsdtar', '--format=pax'], true);
    expect(sparseNames(entries)).toEqual(['holes', 'many', 'nothing', 'tail']);
  });

  test('xattrs and ACLs', async () => {
    const source = await makeAttributes('bsd-attributes');
    const command = ['bsdtar', '--format=pax', '--acls', '--xattrs', '--no-fflags'];
    await check(source, command, true);
  });
});

/** The ids have no names: tar programs write names where there are any, which we cannot resolve. */
async function makeAttributes(name: string): Promise<string> {
  const source = join(directory, name);
  await mkdir(join(source, 'dir'), { recursive: true });
  await writeFile(join(source, 'file'), 'x');
  const script = `
    setfattr -n user.binary -v 0x00ff3d0a00 file; setfattr -n user.empty file
    setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 file
    setfattr -n trusted.t -v t dir
    setfacl -m u:54321:rwx,g:54322:r-- file; setfacl -d -m u:54321:r-x,g:54323:--- dir`;
  await must('sh', ['-ec', script], { cwd: source });
  return source;
}

describe('archives of other projects', () => {
  const DECODERS: Readonly<Record<string, string>> = {
    gzip: 'zcat',
    compress: 'zcat',
    bzip2: 'bzcat',
    xz: 'xzcat',
    zstd: 'zstdcat',
  };
  /** Read where umoci refuses for what comes after reading, or for a type that it does not know. */
  const STRICTER: ReadonlySet<string> = new Set(['tars/libarchive-read_format_tar_empty_with_gnulabel.tar']);

  test('are read to the last entry, or refused with a typed error where Go refuses too', async () => {
    const lines = (await readFile(join(CORPORA, 'MANIFEST.tsv'), 'utf8')).trimEnd().split('\n').slice(1);
    const wrong: string[] = [];
    let files = 0;
    for (const line of lines) {
      const [file = '', , , , , , , kind = '', exercises = '', checks = ''] = line.split('\t');
      if (!/^(?:tars|malicious)\//.test(file) || !/^tar(?:$|\.)/.test(kind)) continue;
      files++;
      const wanted = Number(/entries=(\d+)/.exec(exercises)?.[1] ?? 0);
      const isRefusedByGo = /invalid tar header|header field too long|EOF|unknown typeflag|not run/.test(
        checks,
      );
      const outcome = await readEntries(
        join(CORPORA, file),
        DECODERS[/^tar\.([a-z0-9]+)/.exec(kind)?.[1] ?? ''],
      );
      if (typeof outcome === 'number') {
        if (outcome !== wanted && !STRICTER.has(file)) wrong.push(`${file}: ${outcome} entries of ${wanted}`);
      } else if (!isOcirenderError(outcome) || !isRefusedByGo) wrong.push(`${file}: ${String(outcome)}`);
    }
    expect(wrong).toEqual([]);
    expect(files).toBeGreaterThan(150);
  });

  /** Gives the number of entries, or what was thrown. */
  async function readEntries(path: string, decoder: string | undefined): Promise<unknown> {
    const bytes =
      decoder === undefined
        ? await readFile(path)
        : (
            await promisify(execFile)('sh', ['-c', `${decoder} < "$0"`, path], {
              encoding: 'buffer',
              maxBuffer: 2 ** 30,
            })
          ).stdout;
    let count = 0;
    try {
      for await (const _ of readTar(pieces(bytes))) count++;
      return count;
    } catch (error) {
      return error;
    }
  }

  async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 65_537) yield bytes.subarray(at, at + 65_537);
  }
});
