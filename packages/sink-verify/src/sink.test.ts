import type { ContentChunk, ImageSource, SinkContext, SinkSession, Tree } from '@ocirender/interface';
import { parseOptions } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { verifySink } from './sink.ts';
import { inode, MemoryImage, type MemoryTree } from './testing/memory-image.ts';

const METADATA = { mode: 0o755, uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0, xattrs: new Map() };

function context(reference: MemoryImage, options: Record<string, unknown> = {}): SinkContext {
  return {
    output: { kind: 'none' },
    options: parseOptions(verifySink.options, { reference: 'ref.tar', ...options }, 'the sink verify'),
    threads: 1,
    signal: new AbortController().signal,
    diagnose: () => undefined,
    openImage: (spec): Promise<ImageSource> =>
      spec === 'ref.tar' ? Promise.resolve(reference) : Promise.reject(new Error(spec)),
  };
}

const referenceTree = (): MemoryTree =>
  new Map([
    ['', inode('directory')],
    ['a', inode('file', { content: Buffer.from('hello') })],
    ['b', inode('file', { content: new Uint8Array(100_000) })],
    ['c', inode('file')],
  ]);

async function* sparse(): AsyncGenerator<ContentChunk> {
  yield new Uint8Array(10);
  yield { hole: 99_990 };
}

/** Writes the reference's contents, or what is said instead. */
async function write(session: SinkSession, a = 'hello'): Promise<Tree> {
  const info = (size: number): Parameters<SinkSession['write']>[1] => ({
    size,
    placement: { path: 'x', metadata: METADATA },
  });
  await session.write(Buffer.from('never used'), info(10));
  const first = await session.write(Buffer.from(a), info(a.length));
  const second = await session.write(sparse(), info(100_000));
  return {
    root: {
      ...METADATA,
      type: 'directory',
      children: new Map([
        ['a', { ...METADATA, type: 'file', size: a.length, content: first }],
        ['b', { ...METADATA, type: 'file', size: 100_000, content: second }],
        ['c', { ...METADATA, type: 'file', size: 0, content: undefined }],
      ]),
    },
  };
}

test('an equal image: a report, and the reference is closed', async () => {
  const reference = new MemoryImage(referenceTree());
  const session = await verifySink.open(context(reference));
  expect(await session.finish(await write(session))).toEqual({
    bytesWritten: 0,
    details: {
      reference: 'ref.tar',
      referenceFormat: 'memory',
      equalNames: 4,
      equalFiles: 2,
      equalBytes: 100_005,
    },
  });
  expect(reference.closed).toBe(1);
});

test('a different image: an error with its own code and the comparison', async () => {
  const reference = new MemoryImage(referenceTree());
  const session = await verifySink.open(context(reference));
  const tree = await write(session, 'hallo');
  await expect(session.finish(tree)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_SINK_VERIFY_DIFFERENT',
    message: 'the image differs from ref.tar: 1 difference',
    comparison: { equal: false, differences: [{ path: 'a', kind: 'content' }] },
    details: { equal: false, differences: [{ path: '/a', kind: 'content' }] },
  });
  await session.abort(new Error('different'));
  expect(reference.closed).toBeGreaterThan(0);
});

test('options say what counts', async () => {
  const tree = referenceTree();
  tree.get('a')!.uid = 5;
  tree.set('d', inode('directory'));
  tree.set('d/x', inode('file'));
  tree.set('.dockerenv', inode('file'));
  const options = { ignore: 'uid, gid', exclude: 'none:d', 'docker-export': 'true' };
  const session = await verifySink.open(context(new MemoryImage(tree), options));
  const { details } = await session.finish(await write(session));
  expect(details).toMatchObject({ ignored: 'uid,gid', leftOut: 2, equalNames: 4 });
});

describe('what cannot be is refused when the sink is opened', () => {
  const INVALID = { code: 'ERR_OCIRENDER_INVALID_OPTION' };
  test.each([{ reference: undefined }, { reference: '' }, { ignore: 'uid,size,colour' }])(
    '%j',
    async (options) => {
      const reference = new MemoryImage(referenceTree());
      await expect(verifySink.open(context(reference, options))).rejects.toMatchObject(INVALID);
    },
  );

  test('a host that cannot open images', async () => {
    const { openImage: _openImage, ...without } = context(new MemoryImage(referenceTree()));
    await expect(verifySink.open(without)).rejects.toMatchObject(INVALID);
  });

  test('a reference that cannot be opened', async () => {
    const given = context(new MemoryImage(referenceTree()), { reference: 'nowhere' });
    await expect(verifySink.open(given)).rejects.toThrow('nowhere');
  });
});
