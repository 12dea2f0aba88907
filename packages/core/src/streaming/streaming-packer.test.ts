import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { OcirenderError } from '@ocirender/interface';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { squashfsSink } from '../../../sink-squashfs/src/index.ts';
import { tarSink } from '../../../sink-tar/src/index.ts';
import { archive, member } from '../../test/support/hostile-layers.ts';
import { convert } from '../convert.ts';
import {
  type ArrivingLayer,
  convertStreamToDir,
  convertStreamToExt4,
  convertStreamToSquashfs,
  convertStreamToTar,
} from './convert-stream.ts';
import type { LayerData, LayerMetadata } from './layer-slot.ts';
import { StreamingPacker, type StreamingPackerOptions } from './streaming-packer.ts';

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const TARS = [
  archive(member({ path: 'a', data: 'oldest' }), member({ path: 'b', data: 'b'.repeat(300_000) })),
  archive(member({ path: 'a', data: 'middle' }), member({ path: 'c', data: 'c' })),
  // The link needs what the middle layer's own name no longer shows: that layer is read a second time.
  archive(member({ path: 'l', type: 'hardlink', linkTarget: 'b' }), member({ path: 'b', data: 'newest' })),
];
const STORED = [gzipSync(TARS[0]!), TARS[1]!, gzipSync(TARS[2]!)];
const LAYERS: readonly LayerMetadata[] = STORED.map((bytes, index) => ({
  digest: digestOf(bytes),
  diffId: digestOf(TARS[index]!),
  size: bytes.length,
}));
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

let place: string;
let spool: string;
let expected: Buffer;
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  place = await mkdtemp(join(tmpdir(), 'ocirender-streaming-'));
  const layers = LAYERS.map((layer, index) => ({ size: 0, ...layer, open: () => inPieces(STORED[index]!) }));
  await convert({ image: { reference: 'x', layers }, sink: tarSink, output: join(place, 'expected.tar') });
  expected = await readFile(join(place, 'expected.tar'));
  await rm(place, { recursive: true });
});

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ocirender-streaming-'));
  spool = await mkdtemp(join(tmpdir(), 'ocirender-spool-'));
});

afterEach(async () => {
  expect(await readdir(spool)).toEqual([]);
  await rm(place, { recursive: true });
  await rm(spool, { recursive: true });
});

afterAll(() => {
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await turn();
  }
}

function inFile(index: number): string {
  const path = join(place, `layer-${index}`);
  writeFileSync(path, STORED[index]!);
  return path;
}

const KINDS: Readonly<Record<string, (index: number) => LayerData>> = {
  paths: inFile,
  streams: (index) => inPieces(STORED[index]!),
  'Node streams': (index) => createReadStream(inFile(index)),
  both: (index) => (index === 1 ? inFile(index) : inPieces(STORED[index]!)),
};

function packTar(more: Partial<StreamingPackerOptions> = {}): StreamingPacker {
  return new StreamingPacker({
    layers: LAYERS,
    sink: tarSink,
    output: join(place, 'out.tar'),
    spool,
    ...more,
  });
}

/** Expects that nothing is left in the directory but the layers that the test put there. */
async function expectNothingLeft(): Promise<void> {
  expect((await readdir(place)).filter((name) => !name.startsWith('layer-'))).toEqual([]);
}

describe.each(Object.entries(KINDS))('layers as %s', (_name, dataOf) => {
  it.each(ORDERS)('handed over in the order %i, %i, %i: the same tar', async (...order) => {
    const packer = packTar();
    for (const index of order) {
      packer.notifyLayerReady(index, dataOf(index));
      await turn();
    }
    const report = await packer.finish();
    expect((await readFile(join(place, 'out.tar'))).equals(expected)).toBe(true);
    expect(report).toMatchObject({ reference: 'stream', bytesOut: expected.length, sink: 'tar' });
    expect(report.layers.map(({ digest }) => digest)).toEqual(LAYERS.map(({ digest }) => digest));
    expect(await packer.finish()).toBe(report);
    await packer.abort();
  });
});

describe('progress', () => {
  it('tells of layers and bytes, newest first', async () => {
    const packer = packTar({ planFirst: false, sink: squashfsSink, output: join(place, 'out.squashfs') });
    const events: unknown[] = [];
    packer.on('layerStarted', (index) => events.push(['started', index]));
    packer.on('layerFinished', (index, { entries }) => events.push(['finished', index, entries]));
    const merged: number[] = [];
    const arrived: number[] = [];
    packer.on('bytes', (index, bytes) => (merged[index] = bytes));
    packer.on('arrived', (index, bytes) => (arrived[index] = bytes));
    for (const index of [1, 2, 0]) packer.notifyLayerReady(index, inPieces(STORED[index]!));
    await packer.finish();
    expect(events.slice(0, 6)).toEqual([
      ['started', 2],
      ['finished', 2, 2],
      ['started', 1],
      ['finished', 1, 2],
      ['started', 0],
      ['finished', 0, 2],
    ]);
    const sizes = STORED.map(({ length }) => length);
    expect(arrived).toEqual(sizes);
    expect(merged).toEqual(sizes);
  });

  it('a layer whose turn has come is merged before it is there', async () => {
    const packer = packTar({ layers: [LAYERS[0]!], sink: tarSink });
    const bytes = new Promise<number>((resolve) => packer.once('bytes', (_index, count) => resolve(count)));
    const stream = new PassThrough();
    packer.notifyLayerReady(0, stream);
    stream.write(STORED[0]!.subarray(0, 100));
    expect(await bytes).toBe(100);
    stream.end(STORED[0]!.subarray(100));
    await packer.finish();
  });
});

describe('wrong use', () => {
  const usage = { code: 'ERR_OCIRENDER_USAGE' };

  it.each([-1, 3, 0.5, Number.NaN])('there is no layer %s', async (index) => {
    const packer = packTar();
    const stream = Readable.from([Buffer.from('x')]);
    expect(() => packer.notifyLayerReady(index, stream)).toThrowError(
      expect.objectContaining(usage) as Error,
    );
    expect(stream.destroyed).toBe(true);
    await packer.abort();
    await expectNothingLeft();
  });

  it.each(['path', 'stream'])('the same layer twice, as a %s', async (kind) => {
    const packer = packTar();
    const data = (): LayerData => (kind === 'path' ? inFile(1) : inPieces(STORED[1]!));
    packer.notifyLayerReady(1, data());
    expect(() => packer.notifyLayerReady(1, data())).toThrowError(expect.objectContaining(usage) as Error);
    packer.notifyLayerReady(0, inFile(0));
    packer.notifyLayerReady(2, inFile(2));
    await packer.finish();
    expect((await readFile(join(place, 'out.tar'))).equals(expected)).toBe(true);
  });

  it('finish() without a layer', async () => {
    const packer = packTar();
    packer.notifyLayerReady(2, inFile(2));
    await expect(packer.finish()).rejects.toMatchObject({
      ...usage,
      message: 'finish() without the layers 0, 1',
    });
    await expectNothingLeft();
  });

  it('a layer after finish()', async () => {
    const packer = packTar();
    for (const index of [0, 1, 2]) packer.notifyLayerReady(index, inFile(index));
    const finished = packer.finish();
    expect(() => packer.notifyLayerReady(0, inFile(0))).toThrowError(expect.objectContaining(usage) as Error);
    await finished;
  });

  it('what is wrong with the options is the error of finish()', async () => {
    const packer = packTar({ threads: -1 });
    for (const index of [1, 2]) packer.notifyLayerReady(index, inPieces(STORED[index]!));
    while (!packer.signal.aborted) await turn();
    const stream = new PassThrough();
    packer.notifyLayerReady(0, stream);
    expect(stream.destroyed).toBe(true);
    await expect(packer.finish()).rejects.toMatchObject({
      ...usage,
      message: expect.stringContaining('threads') as string,
    });
  });
});

describe('failure', () => {
  it.each([
    ['one of our errors', new OcirenderError('ERR_OCIRENDER_NOT_FOUND', 'gone'), 'ERR_OCIRENDER_NOT_FOUND'],
    ['any error', new Error('socket hang up'), 'ERR_OCIRENDER_IO'],
    ['no error at all', undefined, 'ERR_OCIRENDER_IO'],
  ])('notifyError with %s', async (_name, error, code) => {
    const packer = packTar();
    packer.notifyLayerReady(2, inPieces(STORED[2]!));
    const hanging = new PassThrough();
    packer.notifyLayerReady(0, hanging);
    packer.notifyError(error);
    await expect(packer.finish()).rejects.toMatchObject({ code });
    expect(hanging.destroyed).toBe(true);
    await expectNothingLeft();
  });

  it.each([
    ['a stream that breaks', () => Readable.from(breaking()), 'IO'],
    ['other bytes', () => inPieces(Buffer.alloc(STORED[1]!.length)), 'DIGEST_MISMATCH'],
    ['too few bytes', () => inPieces(STORED[1]!.subarray(0, -1)), 'SIZE_MISMATCH'],
    ['too many bytes', () => inPieces(Buffer.concat([STORED[1]!, Buffer.alloc(1)])), 'SIZE_MISMATCH'],
    ['a path to nothing', () => join(place, 'nothing'), 'IO'],
    ['a path to a directory', () => place, 'IO'],
    ['a path to something else', () => inFile(0), 'MISMATCH'],
  ])('%s', async (_name, data, code) => {
    const packer = packTar();
    packer.notifyLayerReady(2, inPieces(STORED[2]!));
    packer.notifyLayerReady(0, inPieces(STORED[0]!));
    packer.notifyLayerReady(1, data());
    await expect(packer.finish()).rejects.toMatchObject({ code: expect.stringContaining(code) as string });
    await expectNothingLeft();
  });

  it.each([0, 1, 2, 5, 20, 80])('abort() after %i turns leaves nothing', async (turns) => {
    const packer = packTar();
    packer.notifyLayerReady(2, inPieces(STORED[2]!, 20));
    packer.notifyLayerReady(0, inPieces(STORED[0]!, 20));
    for (let n = 0; n < turns; n++) await turn();
    await packer.abort('enough');
    await expect(packer.finish()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    packer.notifyLayerReady(1, inPieces(STORED[1]!));
    await expectNothingLeft();
  });

  it("the caller's signal, and await using, end it", async () => {
    const controller = new AbortController();
    const packer = packTar({ signal: controller.signal });
    controller.abort();
    await expect(packer.finish()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    await packTar()[Symbol.asyncDispose]();
    await expectNothingLeft();
  });
});

it('a packer whose end somebody waits for is not dropped, and tells of the end', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const finished: number[] = [];
  const finish = (): Promise<unknown> => {
    const packer = packTar();
    packer.on('layerFinished', (index) => finished.push(index));
    for (const index of [0, 1, 2]) packer.notifyLayerReady(index, inPieces(STORED[index]!, 50));
    return packer.finish();
  };
  let done = false;
  const waiting = finish().then(() => (done = true));
  while (!done) {
    collect();
    await turn();
  }
  await waiting;
  expect(finished).toEqual([2, 1, 0]);
});

it('a packer that is dropped leaves nothing', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const output = join(place, 'out.squashfs');
  const drop = async (): Promise<void> => {
    const packer = packTar({ sink: squashfsSink, output, threads: 2 });
    packer.notifyLayerReady(2, inPieces(STORED[2]!));
    packer.notifyLayerReady(0, inPieces(STORED[0]!));
    while ((await readdir(place)).length === 0) await turn();
  };
  await drop();
  await expect
    .poll(
      async () => {
        collect();
        return readdir(place);
      },
      { timeout: 20_000 },
    )
    .toEqual([]);
});

describe('conversions of an iterable', () => {
  async function* arrivals(order: readonly number[]): AsyncGenerator<ArrivingLayer> {
    for (const index of order) {
      await turn();
      yield { index, data: index === 1 ? inFile(1) : inPieces(STORED[index]!) };
    }
  }

  it('to a tar, a squashfs image, an ext4 filesystem and a directory', async () => {
    const settings = { layers: LAYERS, spool };
    await convertStreamToTar(arrivals([0, 2, 1]), join(place, 'out.tar'), settings);
    expect((await readFile(join(place, 'out.tar'))).equals(expected)).toBe(true);
    const report = await convertStreamToSquashfs(arrivals([1, 2, 0]), join(place, 'out.squashfs'), settings);
    expect(report.tree).toMatchObject({ files: 4 });
    await convertStreamToDir(arrivals([2, 1, 0]), join(place, 'out'), settings);
    const ext4 = await convertStreamToExt4(arrivals([1, 0, 2]), join(place, 'out.ext4'), settings);
    expect(ext4.tree).toEqual(report.tree);
    expect(await readFile(join(place, 'out/a'), 'utf8')).toBe('middle');
  });

  it('what the iterable throws is the error', async () => {
    async function* broken(): AsyncGenerator<ArrivingLayer> {
      yield* arrivals([2]);
      throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', 'no such layer');
    }
    await expect(
      convertStreamToTar(broken(), join(place, 'out.tar'), { layers: LAYERS, spool }),
    ).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    await expectNothingLeft();
  });

  it('does not wait for more layers when it has failed', async () => {
    let ended = false;
    async function* stuck(): AsyncGenerator<ArrivingLayer> {
      try {
        yield { index: 2, data: inPieces(Buffer.alloc(9)) };
        await new Promise(() => undefined);
      } finally {
        ended = true;
      }
    }
    await expect(
      convertStreamToTar(stuck(), join(place, 'out.tar'), { layers: LAYERS, spool }),
    ).rejects.toMatchObject({ code: 'ERR_OCIRENDER_SIZE_MISMATCH' });
    expect(ended).toBe(false);
    await expectNothingLeft();
  });
});

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield STORED[1]!.subarray(0, 512);
  await turn();
  throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}
