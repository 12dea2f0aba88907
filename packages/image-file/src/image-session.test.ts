import type { ContentInfo, SinkContext, SinkReport, Tree } from '@ocirender/interface';
import { expect, test } from 'vitest';
import { ImageSession, type ImageWriter } from './image-session.ts';

const metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };
const tree: Tree = { root: { type: 'directory', children: new Map(), ...metadata } };
const info: ContentInfo = { size: 1, placement: { path: 'f', metadata } };

/** Notes what it is told. */
class Recorder implements ImageWriter<number> {
  readonly calls: unknown[] = [];

  write(content: unknown, { size }: ContentInfo): number {
    this.calls.push(['write', content, size]);
    return 7;
  }
  async finish(): Promise<number> {
    this.calls.push(['finish']);
    return 4096;
  }
  fail(reason: unknown): void {
    this.calls.push(['fail', (reason as { code: string }).code]);
  }
  async abort(reason: unknown): Promise<void> {
    this.calls.push(['abort', (reason as { code: string }).code]);
  }
}

function start(changes: Partial<SinkContext> = {}) {
  const aborter = new AbortController();
  const writer = new Recorder();
  const context: SinkContext = {
    output: { kind: 'file', path: '/image' },
    options: {},
    threads: 1,
    signal: aborter.signal,
    diagnose: () => {},
    ...changes,
  };
  const session = new ImageSession(context, {
    format: 'testfs',
    open: (path) => {
      writer.calls.push(['open', path]);
      return writer;
    },
    report: (bytesWritten): SinkReport => ({ bytesWritten, details: { blocks: 1 } }),
  });
  return { session, writer, aborter };
}

test('contents, the tree, the report; an abort afterwards changes nothing', async () => {
  const { session, writer, aborter } = start();
  const bytes = Buffer.from('x');
  expect(session.placement).toBe('any');
  expect(session.write(bytes, info)).toBe(7);
  expect(await session.finish(tree)).toEqual({ bytesWritten: 4096, details: { blocks: 1 } });
  aborter.abort();
  expect(writer.calls).toEqual([['open', '/image'], ['write', bytes, 1], ['finish']]);
});

test("the host's signal makes the writer fail, and nothing is finished after it", async () => {
  const { session, writer, aborter } = start();
  aborter.abort();
  await expect(session.finish(tree)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
  await session.abort(new Error('enough'));
  expect(writer.calls).toEqual([
    ['open', '/image'],
    ['fail', 'ERR_OCIRENDER_ABORTED'],
    ['abort', 'ERR_OCIRENDER_ABORTED'],
  ]);
});

test('after abort() the signal is not heard any more', async () => {
  const { session, writer, aborter } = start();
  await session.abort(undefined);
  aborter.abort();
  expect(writer.calls).toEqual([
    ['open', '/image'],
    ['abort', 'ERR_OCIRENDER_ABORTED'],
  ]);
});

test('nothing is opened when the run is aborted already, or for what is no file', () => {
  expect(() => start({ signal: AbortSignal.abort() })).toThrow(
    expect.objectContaining({ code: 'ERR_OCIRENDER_ABORTED' }),
  );
  expect(() => start({ output: { kind: 'none' } })).toThrow(
    expect.objectContaining({
      code: 'ERR_OCIRENDER_USAGE',
      message: 'testfs is written to a file, not to "none"',
    }),
  );
});
