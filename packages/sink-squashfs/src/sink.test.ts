import { existsSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { isSink, parseOptions, type SinkContext, type SinkSession } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { squashfsSink } from './sink.ts';
import { bytesOf, directory, file, PLAIN, withPath } from './testing/build.ts';
import { readImage } from './testing/read-image.ts';

const context = (
  path: string,
  options: Record<string, unknown> = {},
  more: Partial<SinkContext> = {},
): SinkContext => ({
  output: { kind: 'file', path },
  options: parseOptions(squashfsSink.options, options, 'sink squashfs'),
  threads: 2,
  signal: new AbortController().signal,
  diagnose: () => {},
  ...more,
});

const placement = { path: 'f', metadata: PLAIN };

describe('the sink', () => {
  it('is one, and says what it is', () => {
    expect(isSink(squashfsSink)).toBe(true);
    expect(squashfsSink).toMatchObject({ name: 'squashfs', outputs: ['file'] });
  });

  it('writes an image with the time of SOURCE_DATE_EPOCH', () =>
    withPath(async (path) => {
      const session = await squashfsSink.open(
        context(path, { 'block-size': '4K', compression: 'gzip' }, { sourceDateEpoch: 1234 }),
      );
      expect(session.placement).toBe('any');
      const ref = await session.write(bytesOf(9000, 1), { size: 9000, placement });
      const report = await session.finish({ root: directory({ f: file(9000, ref) }) });
      const image = await readImage(path);
      expect(image.super.modificationTime).toBe(1234);
      expect(image.root.children?.get('f')?.content).toEqual(bytesOf(9000, 1));
      expect(report).toEqual({
        bytesWritten: image.fileSize,
        details: { compression: 'gzip', inodes: 2, fragments: 0, duplicates: 0, timesTruncated: 0 },
      });
    }));

  it.each([
    [{ compression: 'none', level: 1 }, 'compression "none" has no level'],
    [{ compression: 'gzip', level: 10 }, 'level 10 does not exist for gzip: it has 1 to 9'],
    [{ compression: 'gzip', level: 0 }, 'level 0 does not exist for gzip: it has 1 to 9'],
    [{ compression: 'xz', level: 10 }, 'level 10 does not exist for xz: it has 0 to 9'],
    [{ compression: 'lz4', level: 2 }, 'level 2 does not exist for lz4: it has 1 to 1'],
    [{ compression: 'lz4hc', level: 13 }, 'level 13 does not exist for lz4hc: it has 1 to 12'],
    [{ level: 0 }, 'level 0 does not exist for zstd: it has 1 to 22'],
  ])('refuses %j', (options, message) =>
    withPath(async (path) => {
      await expect(squashfsSink.open(context(path, options))).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_INVALID_OPTION',
        message,
      });
      expect(existsSync(path)).toBe(false);
    }),
  );

  it('has all zstd levels where node:zlib has zstd, else level 3', () =>
    withPath(async (path) => {
      const opening = squashfsSink.open(context(path, { level: 5 }));
      if ('zstdCompressSync' in zlib) await (await opening).abort(new Error('enough'));
      else await expect(opening).rejects.toMatchObject({ code: 'ERR_OCIRENDER_INVALID_OPTION' });
    }));

  it('refuses other outputs and a path that exists', () =>
    withPath(async (path) => {
      await expect(squashfsSink.open(context(path, {}, { output: { kind: 'none' } }))).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_USAGE',
      });
      const session = await squashfsSink.open(context(path));
      await expect(squashfsSink.open(context(path))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO' });
      await session.abort(new Error('enough'));
    }));
});

describe('stopping', () => {
  const noise = bytesOf(4_000_000, 1, true);
  const feed = async (session: SinkSession): Promise<never> => {
    for (;;) await session.write(noise, { size: noise.length, placement });
  };

  it('by the signal ends a pending write', () =>
    withPath(async (path) => {
      const controller = new AbortController();
      const session = await squashfsSink.open(
        context(path, { compression: 'gzip' }, { signal: controller.signal }),
      );
      const feeding = feed(session);
      setTimeout(() => controller.abort(new Error('ctrl-c')), 50);
      await expect(feeding).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
      await expect(session.finish({ root: directory({}) })).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_ABORTED',
      });
      await session.abort(new Error('ctrl-c'));
    }));

  it.each(['zstd', 'gzip', 'xz', 'lz4', 'lz4hc', 'none'])(
    'by abort ends a pending write, and never throws: %s',
    (compression) =>
      withPath(async (path) => {
        const session = await squashfsSink.open(context(path, { compression }));
        const feeding = feed(session);
        setTimeout(() => void session.abort(new Error('enough')), 50);
        await expect(feeding).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
        await session.abort(new Error('again'));
      }),
  );

  it('before anything was opened', () =>
    withPath(async (path) => {
      await expect(
        squashfsSink.open(context(path, {}, { signal: AbortSignal.abort() })),
      ).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
      expect(existsSync(path)).toBe(false);
    }));
});
