import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ByteString,
  type DirectoryInode,
  type Inode,
  isSink,
  type Metadata,
  NO_XATTRS,
  type Output,
  type SinkContext,
  type Tree,
} from '@ocirender/interface';
import tarStream from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tarSink } from './sink.ts';

const METADATA: Metadata = {
  mode: 0o644,
  uid: 1000,
  gid: 100,
  mtime: 1_700_000_000,
  mtimeNs: 0,
  xattrs: NO_XATTRS,
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sink-tar-'));
});
afterEach(() => rm(directory, { recursive: true }));

function context(output: Output, signal = new AbortController().signal): SinkContext {
  return { output, options: {}, threads: 1, signal, diagnose: () => undefined };
}

/** A file, its hard link, a symlink, an empty file, in a directory. */
function tree(): Tree {
  const file = { type: 'file' as const, ...METADATA, size: 5, content: 0 };
  const sub: DirectoryInode = {
    type: 'directory',
    ...METADATA,
    mode: 0o755,
    children: new Map<ByteString, Inode>([
      ['file', file],
      ['empty', { type: 'file', ...METADATA, size: 0, content: undefined }],
      ['symlink', { type: 'symlink', ...METADATA, mode: 0o777, target: '../file' }],
    ]),
  };
  return {
    root: {
      type: 'directory',
      ...METADATA,
      mode: 0o755,
      children: new Map<ByteString, Inode>([
        ['sub', sub],
        ['again', file],
      ]),
    },
  };
}

async function convert(output: Output): Promise<{ bytesWritten: number; details: object }> {
  const session = await tarSink.open(context(output));
  expect(session.placement).toBe('inline');
  const info = { size: 5, placement: { path: 'sub/file', metadata: METADATA } };
  expect(await session.write(Buffer.from('hello'), info)).toBe(0);
  return session.finish(tree());
}

async function readWithTarStream(tar: Buffer): Promise<string[]> {
  const extract = tarStream.extract();
  extract.end(tar);
  const found: string[] = [];
  for await (const stream of extract) {
    const { name, type, linkname, mode, uid, gid, mtime } = stream.header;
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const owner = `${uid}:${gid} ${mtime!.getTime() / 1000}`;
    found.push(
      `${type} ${name} ${linkname ?? ''} ${mode!.toString(8)} ${owner} ${Buffer.concat(chunks).toString()}`,
    );
  }
  return found;
}

test('is a sink for .tar', () => {
  expect(isSink(tarSink)).toBe(true);
  expect([tarSink.name, tarSink.extensions, tarSink.outputs]).toStrictEqual([
    'tar',
    ['.tar'],
    ['file', 'stream'],
  ]);
});

test('tar-stream reads the tree from a file', async () => {
  const path = join(directory, 'out.tar');
  const report = await convert({ kind: 'file', path });
  const tar = await readFile(path);
  expect(report).toStrictEqual({ bytesWritten: tar.length, details: { entries: 6 } });
  const owner = '1000:100 1700000000';
  expect(await readWithTarStream(tar)).toStrictEqual([
    `file sub/file  644 ${owner} hello`,
    `link again sub/file 644 ${owner} `,
    `file sub/empty  644 ${owner} `,
    `directory sub/  755 ${owner} `,
    `symlink sub/symlink ../file 777 ${owner} `,
    `directory ./  755 ${owner} `,
  ]);
});

describe('a stream', () => {
  test('gets the same bytes, one write at a time', async () => {
    const pieces: Buffer[] = [];
    let isBusy = false;
    const write = async (bytes: Uint8Array): Promise<void> => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await new Promise((resolve) => setTimeout(resolve, 1));
      pieces.push(Buffer.from(bytes));
      isBusy = false;
    };
    const report = await convert({ kind: 'stream', write });
    const path = join(directory, 'out.tar');
    await convert({ kind: 'file', path });
    expect(Buffer.concat(pieces).equals(await readFile(path))).toBe(true);
    expect(report.bytesWritten).toBe((await stat(path)).size);
  });

  test('holds the sink back', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let taken = 0;
    const session = await tarSink.open(
      context({
        kind: 'stream',
        write: async (bytes) => {
          taken += bytes.length;
          await gate;
        },
      }),
    );
    const info = { size: 1_000_000, placement: { path: 'big', metadata: METADATA } };
    let isDone = false;
    const written = Promise.resolve(session.write(Buffer.alloc(1_000_000), info)).then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([isDone, taken]).toStrictEqual([false, 512]);
    release();
    await written;
    expect(taken).toBe(512 + 1_000_000);
    await session.abort(new Error('enough'));
  });

  test("its failure is the sink's, unchanged", async () => {
    const failure = new Error('broken pipe');
    await expect(convert({ kind: 'stream', write: () => Promise.reject(failure) })).rejects.toBe(failure);
  });
});

describe('errors', () => {
  test('an existing file is not touched', async () => {
    const path = join(directory, 'out.tar');
    await writeFile(path, 'mine');
    await expect(tarSink.open(context({ kind: 'file', path }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
    });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  test('an output of another kind', async () => {
    await expect(tarSink.open(context({ kind: 'none' }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
  });

  test('an abort ends open, write and finish', async () => {
    const path = join(directory, 'out.tar');
    const aborted = { code: 'ERR_OCIRENDER_ABORTED' };
    await expect(tarSink.open(context({ kind: 'file', path }, AbortSignal.abort()))).rejects.toMatchObject(
      aborted,
    );
    const controller = new AbortController();
    const session = await tarSink.open(context({ kind: 'file', path }, controller.signal));
    controller.abort();
    const info = { size: 1, placement: { path: 'a', metadata: METADATA } };
    expect(() => session.write(Buffer.from('x'), info)).toThrow(expect.objectContaining(aborted));
    await expect(session.finish(tree())).rejects.toMatchObject(aborted);
    await session.abort(controller.signal.reason);
    await session.abort(controller.signal.reason);
  });

  test('abort waits for a write that is under way, and the rest of it fails', async () => {
    const path = join(directory, 'out.tar');
    const session = await tarSink.open(context({ kind: 'file', path }));
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(1024 * 1024);
    }
    const info = { size: 2 ** 40, placement: { path: 'a', metadata: METADATA } };
    const writing = Promise.resolve(session.write(endless(), info)).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await session.abort(new Error('enough'));
    expect(await writing).toMatchObject({ code: 'ERR_OCIRENDER_IO' });
  });
});
