import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { FormatError, LimitError, OcirenderError } from '@ocirender/interface';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareImages } from '../compare/compare-images.ts';
import { MemoryImage } from '../testing/memory-image.ts';
import { sampleTree } from '../testing/sample-tree.ts';
import { packNames, unpackNames } from './names-batch.ts';
import { serveImage } from './serve-image.ts';
import { type ReadingThread, ThreadImage } from './thread-image.ts';
import { type ImageLocation, packError, unpackError } from './thread-protocol.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sink-verify-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** The served module finds its image here: it is loaded in this process. */
const shared = globalThis as { memoryImage?: () => MemoryImage };

async function location(source = 'globalThis.memoryImage()'): Promise<ImageLocation> {
  const path = join(directory, `reader-${Math.random()}.mjs`);
  const brand = "[Symbol.for('@ocirender/reader@1')]: true";
  await writeFile(path, `export const reader = { ${brand}, open: async () => ${source} };\n`);
  return { module: pathToFileURL(path).href, export: 'reader', path: 'x', threads: 1 };
}

/** Runs what the thread would run, across a real message port. */
function inThisThread(where: ImageLocation): ReadingThread {
  const { port1, port2 } = new MessageChannel();
  void serveImage(port2, where);
  return {
    on: (event: string, listener: (value: never) => void) =>
      port1.on(event === 'exit' ? 'close' : event, listener as () => void),
    postMessage: (request) => port1.postMessage(request),
    terminate: async () => {
      const closed = once(port1, 'close');
      port1.close();
      await closed;
    },
  };
}

test('what cannot be listed is told to the other thread', () => {
  const names = [
    { path: '', node: new MemoryImage(sampleTree()).root },
    { path: 'd', node: new MemoryImage(sampleTree()).root, unreadable: 'EACCES' },
  ];
  expect(unpackNames(packNames(names)).map(({ unreadable }) => unreadable)).toEqual([undefined, 'EACCES']);
});

test('an image read by another thread is the same image', async () => {
  const tree = sampleTree();
  tree.get('etc/passwd')!.xattrs.set('user.bytes', Uint8Array.of(0, 255));
  shared.memoryImage = () => new MemoryImage(tree, { chunk: 12_345 });
  const image = await ThreadImage.open(await location(), {}, inThisThread);
  const progress: number[] = [];
  const comparison = await compareImages(image, new MemoryImage(tree), {
    onProgress: ({ bytes }) => progress.push(bytes),
  });
  expect(comparison).toMatchObject({ equal: true, commonNames: 18, comparedFiles: 5 });
  expect(progress.at(-1)).toBe(2 * 2_500_041);
  await image.close();
});

test('differing contents are read again in the comparing thread', async () => {
  const tree = sampleTree();
  tree.get('usr/bin/large')!.content = Uint8Array.from(tree.get('usr/bin/large')!.content);
  tree.get('usr/bin/large')!.content[2_000_000] = 1;
  const opened: MemoryImage[] = [];
  shared.memoryImage = () => {
    const image = new MemoryImage(tree);
    opened.push(image);
    return image;
  };
  const image = await ThreadImage.open(await location(), {}, inThisThread);
  const { differences } = await compareImages(image, new MemoryImage(sampleTree()));
  expect(differences).toMatchObject([{ path: 'usr/bin/large', kind: 'content', offset: 2_000_000 }]);
  await image.close();
  expect(opened.map(({ closed }) => closed)).toEqual([0, 1]);
});

describe('errors cross the threads with their codes', () => {
  test('when opening', async () => {
    const source =
      "(() => { throw Object.assign(new Error('bad'), { code: 'ERR_OCIRENDER_FORMAT', offset: 7 }); })()";
    await expect(ThreadImage.open(await location(source), {}, inThisThread)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_FORMAT',
      message: 'bad',
      offset: 7,
    });
  });

  test('when reading', async () => {
    shared.memoryImage = () => new MemoryImage(sampleTree(), { broken: 'etc/passwd' });
    const image = await ThreadImage.open(await location(), {}, inThisThread);
    await expect(compareImages(image, new MemoryImage(sampleTree()))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
      message: 'the disk is on fire',
    });
    await image.close();
  });

  test('a module without such a reader', async () => {
    const where = { ...(await location()), export: 'writer' };
    await expect(ThreadImage.open(where, {}, inThisThread)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
  });

  test('fields, hints and causes are kept', () => {
    const cause = new FormatError('bad block', 9, { hint: 'Fetch it again.' });
    const limit = new LimitError('entries', 5, 'too many', { cause });
    const copy = unpackError(structuredClone(packError(limit)));
    expect(copy).toBeInstanceOf(OcirenderError);
    expect(copy).toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'entries',
      maximum: 5,
      message: limit.message,
    });
    expect(copy.cause).toMatchObject({ code: 'ERR_OCIRENDER_FORMAT', offset: 9, hint: 'Fetch it again.' });
    expect(unpackError(packError('text'))).toMatchObject({ message: 'text' });
    const loop = new Error('loop');
    loop.cause = loop;
    expect(unpackError(packError(loop)).message).toBe('loop');
  });
});

test('an abort ends the thread', async () => {
  shared.memoryImage = () => new MemoryImage(sampleTree());
  const controller = new AbortController();
  const where = await location();
  const image = await ThreadImage.open(where, { signal: controller.signal }, inThisThread);
  controller.abort();
  await expect(compareImages(image, new MemoryImage(sampleTree()))).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_ABORTED',
  });
  await expect(ThreadImage.open(where, { signal: controller.signal }, inThisThread)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_ABORTED',
  });
});

test('names survive packing byte for byte', async () => {
  const { root } = new MemoryImage(sampleTree());
  const names = [
    { path: '', node: root },
    {
      path: '\u0001\u00ff/ \n',
      node: { ...root, target: '\u0080', links: 0, sha256: 'ab', mtime: -(2 ** 40) },
    },
    { path: 'x', node: { ...root, uid: 4_294_967_295, xattrs: new Map([['user.x', Uint8Array.of(0)]]) } },
  ];
  expect(unpackNames(structuredClone(packNames(names)))).toEqual(names);
  expect(unpackNames(packNames([]))).toEqual([]);
});
