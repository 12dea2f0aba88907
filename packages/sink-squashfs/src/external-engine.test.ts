import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentInfo, NO_XATTRS, parseOptions, type SinkSession, type Tree } from '@ocirender/interface';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mksquashfsArguments } from './external-arguments.ts';
import { squashfsSink } from './sink.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-external-'));
});
afterAll(async () => rm(directory, { recursive: true, force: true }));

/** A program that answers `-version` and else does what `body` says; `$2` is the image. */
async function program(version: string, body: string): Promise<string> {
  const path = join(directory, `mksquashfs-${Math.random().toString(36).slice(2)}`);
  const script = `#!/bin/sh\nif [ "$1" = -version ]; then echo "mksquashfs version ${version} (2023/03/25)"; exit 0; fi\n${body}\n`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

function options(given: Record<string, string>): ReturnType<typeof parseOptions> {
  return parseOptions(squashfsSink.options, given, 'squashfs');
}

function open(path: string, output: string): Promise<SinkSession> {
  return squashfsSink.open({
    output: { kind: 'file', path: output },
    options: options({ mksquashfs: path }),
    threads: 1,
    signal: new AbortController().signal,
    diagnose: () => undefined,
  });
}

const metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: NO_XATTRS };

function treeWith(content: number, size: number): Tree {
  const file = { type: 'file' as const, size, content, ...metadata };
  return { root: { type: 'directory', ...metadata, children: new Map([['a', file]]) } };
}

function info(size: number): ContentInfo {
  return { size, placement: { path: 'a', metadata }, tree: treeWith(0, size) };
}

describe('engine mksquashfs', () => {
  it('streams the merged tar into the program', async () => {
    const output = join(directory, 'image');
    const session = await open(await program('4.6.1', 'cat > "$2"'), output);
    expect(session.placement).toBe('planned');
    const ref = await session.write(Buffer.alloc(1000, 'x'), info(1000));
    const report = await session.finish(treeWith(ref, 1000));
    const tar = await readFile(output);
    expect(report).toEqual({
      bytesWritten: tar.length,
      details: { engine: 'mksquashfs', mksquashfsVersion: '4.6.1', entries: 2 },
    });
    expect(tar.subarray(0, 1).toString()).toBe('a');
    expect(tar.includes(Buffer.alloc(1000, 'x'))).toBe(true);
  });

  it.each(['4.5.1', '4.3', '3.9'])('refuses version %s and names it and the way out', async (version) => {
    const path = await program(version, 'exit 0');
    await expect(open(path, join(directory, 'none'))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS',
      message: expect.stringContaining(`version ${version}`) as string,
      hint: expect.stringContaining('in-process') as string,
    });
  });

  it.each(['4.6', '4.6.1', '4.10', '5.0-git'])('takes version %s', async (version) => {
    const session = await open(await program(version, 'cat >/dev/null'), join(directory, 'none'));
    await session.abort(undefined);
  });

  it('refuses what is missing, and what is no mksquashfs', async () => {
    await expect(open(join(directory, 'missing'), 'x')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS',
      message: expect.stringContaining('ENOENT') as string,
    });
    await expect(open('/bin/true', 'x')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS',
      message: expect.stringContaining('does not say') as string,
    });
  });

  it('tells what the program said when it fails, however much that is', async () => {
    const noisy =
      'i=0; while [ $i -lt 20000 ]; do echo "line $i of noise" >&2; i=$((i+1)); done; echo FATAL >&2; exit 3';
    const session = await open(await program('4.6.1', noisy), join(directory, 'none'));
    const run = async (): Promise<void> => {
      const ref = await session.write(Buffer.alloc(400_000), info(400_000));
      await session.finish(treeWith(ref, 400_000));
    };
    await expect(run()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS',
      message: expect.stringMatching(/exit status 3.*FATAL/s) as string,
    });
    await session.abort(undefined);
  });

  it('does not leave the program running after an abort', async () => {
    const pidFile = join(directory, 'pid');
    const session = await open(
      await program('4.6.1', `echo $$ > ${pidFile}; exec sleep 600`),
      join(directory, 'none'),
    );
    await session.write(Buffer.from('x'), info(1));
    let pid = 0;
    while (pid === 0) pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
    await session.abort(undefined);
    expect(() => process.kill(pid, 0)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
  });
});

describe('mksquashfsArguments', () => {
  const context = {
    output: { kind: 'file' as const, path: 'o' },
    threads: 3,
    sourceDateEpoch: 7,
    signal: new AbortController().signal,
    diagnose: (): void => undefined,
  };

  it('says every option', () => {
    const given = {
      compression: 'gzip',
      level: '4',
      'block-size': '1M',
      fragments: 'no',
      dedupe: 'no',
      exports: 'no',
      'tail-packing': 'yes',
    };
    expect(
      mksquashfsArguments({ ...context, options: options(given) }, 'o', {
        ...metadata,
        mode: 0o1750,
        uid: 1,
        gid: 2,
        mtime: 3,
      }),
    ).toEqual([
      '-',
      'o',
      '-tar',
      '-noappend',
      '-no-progress',
      '-quiet',
      '-xattrs',
      '-b',
      '1048576',
      '-processors',
      '3',
      '-root-mode',
      '1750',
      '-root-uid',
      '1',
      '-root-gid',
      '2',
      '-root-time',
      '3',
      '-mkfs-time',
      '7',
      '-comp',
      'gzip',
      '-Xcompression-level',
      '4',
      '-no-fragments',
      '-always-use-fragments',
      '-no-duplicates',
      '-no-exports',
    ]);
  });

  it('refuses levels that mksquashfs does not have', () => {
    expect(() =>
      mksquashfsArguments({ ...context, options: options({ compression: 'xz', level: '3' }) }, 'o', metadata),
    ).toThrow(expect.objectContaining({ code: 'ERR_OCIRENDER_INVALID_OPTION' }));
  });
});
