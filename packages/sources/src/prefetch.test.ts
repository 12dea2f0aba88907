import { readdirSync } from 'node:fs';
import { setImmediate as tick } from 'node:timers/promises';
import { DigestMismatchError, type Image, type Layer } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { collect, temporaryDirectory } from '../test/archive-fixture.ts';
import { prefetchLayers } from './prefetch.ts';

/** A layer whose chunks arrive when the test says so. */
class SlowLayer {
  opened = 0;
  ended = false;
  readonly layer: Layer;
  #queue: (Uint8Array | Error | undefined)[] = [];
  #wake: (() => void) | undefined;

  constructor(digest: string) {
    this.layer = { digest, size: 0, open: (options) => this.#open(options?.signal) };
  }

  push(...items: (string | Error | undefined)[]): this {
    this.#queue.push(...items.map((item) => (typeof item === 'string' ? Buffer.from(item) : item)));
    this.#wake?.();
    return this;
  }

  async *#open(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    this.opened++;
    try {
      for (;;) {
        while (this.#queue.length === 0) {
          await new Promise<void>((resolve, reject) => {
            this.#wake = resolve;
            signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
          });
        }
        const item = this.#queue.shift();
        if (item === undefined) return;
        if (item instanceof Error) throw item;
        yield item;
      }
    } finally {
      this.ended = true;
    }
  }
}

function imageOf(layers: readonly SlowLayer[]): Image {
  return { reference: 'test', layers: layers.map(({ layer }) => layer) };
}

describe('prefetchLayers', () => {
  it('gives bytes while they arrive, and again afterwards, from one fetch', async () => {
    const slow = new SlowLayer('sha256:a');
    const image = prefetchLayers(imageOf([slow]), { spool: temporaryDirectory() });
    const reading = image.layers[0]!.open()[Symbol.asyncIterator]();
    const first = reading.next();
    slow.push('one');
    expect(Buffer.from((await first).value as Uint8Array).toString()).toBe('one');
    const second = reading.next();
    slow.push('two', undefined);
    expect(Buffer.from((await second).value as Uint8Array).toString()).toBe('two');
    expect(await reading.next()).toMatchObject({ done: true });
    expect(await collect(image.layers[0]!.open())).toBe('onetwo');
    expect(slow.opened).toBe(1);
    await image.close();
  });

  it('fetches a layer that was passed over only when it is opened', async () => {
    const slow = ['a', 'b', 'c'].map((name) => new SlowLayer(name));
    const image = prefetchLayers(imageOf(slow), { concurrency: 3 });
    image.layers[0]!.pass!();
    image.layers[2]!.pass!();
    const middle = collect(image.layers[1]!.open());
    await tick();
    expect(slow.map(({ opened }) => opened)).toEqual([0, 1, 0]);
    slow[1]!.push('1', undefined);
    expect(await middle).toBe('1');
    const oldest = collect(image.layers[0]!.open());
    slow[0]!.push('0', undefined);
    expect(await oldest).toBe('0');
    expect(await collect(image.layers[0]!.open())).toBe('0');
    expect(slow.map(({ opened }) => opened)).toEqual([1, 1, 0]);
    await image.close();
  });

  it('nothing is fetched before a layer is opened; then the newest first, some at a time', async () => {
    const slow = ['a', 'b', 'c', 'd'].map((name) => new SlowLayer(name));
    const image = prefetchLayers(imageOf(slow), { concurrency: 2 });
    await tick();
    expect(slow.map(({ opened }) => opened)).toEqual([0, 0, 0, 0]);
    const newest = collect(image.layers[3]!.open());
    await tick();
    expect(slow.map(({ opened }) => opened)).toEqual([0, 0, 1, 1]);
    slow[2]!.push('2', undefined);
    slow[3]!.push('3', undefined);
    expect(await newest).toBe('3');
    await expect.poll(() => slow.map(({ opened }) => opened)).toEqual([1, 1, 1, 1]);
    slow[0]!.push(undefined);
    slow[1]!.push('1', undefined);
    expect(await collect(image.layers[1]!.open())).toBe('1');
    expect(await collect(image.layers[0]!.open())).toBe('');
    await image.close();
  });

  it('fetches a repeated layer once, and says so of each place', async () => {
    const slow = new SlowLayer('same').push('x', undefined);
    const arrived: [number, number][] = [];
    const image = prefetchLayers(imageOf([slow, slow]), { onArrived: (...event) => arrived.push(event) });
    expect(await Promise.all(image.layers.map((layer) => collect(layer.open())))).toEqual(['x', 'x']);
    expect(slow.opened).toBe(1);
    expect(arrived).toEqual([
      [1, 1],
      [0, 1],
    ]);
    await image.close();
  });

  it('a failure of one layer ends them all, whichever is being read', async () => {
    const slow = ['a', 'b', 'c'].map((name) => new SlowLayer(name));
    const image = prefetchLayers(imageOf(slow));
    const reading = collect(image.layers[2]!.open());
    const error = new DigestMismatchError('layer b', 'sha256:1', 'sha256:2');
    slow[1]!.push('bytes', error);
    await expect(reading).rejects.toBe(error);
    await expect(collect(image.layers[0]!.open())).rejects.toBe(error);
    await expect.poll(() => slow.map(({ ended }) => ended)).toEqual([true, true, true]);
    await image.close();
  });

  it('close ends what is under way, and the image below', async () => {
    const slow = new SlowLayer('a');
    let closed = 0;
    const close = async (): Promise<void> => void closed++;
    const image = prefetchLayers({ ...imageOf([slow]), close });
    const reading = collect(image.layers[0]!.open());
    await tick();
    await image.close();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    expect(slow.ended).toBe(true);
    expect(closed).toBe(1);
  });

  it('an abort ends reading and fetching', async () => {
    const slow = new SlowLayer('a');
    const controller = new AbortController();
    const image = prefetchLayers(imageOf([slow]), { signal: controller.signal });
    const reading = collect(image.layers[0]!.open());
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    await image.close();
    expect(slow.ended).toBe(true);
  });

  it('leaves no names behind, also while it is open', async () => {
    const spool = temporaryDirectory();
    const slow = new SlowLayer('a').push('x', undefined);
    const image = prefetchLayers(imageOf([slow]), { spool });
    expect(await collect(image.layers[0]!.open())).toBe('x');
    expect(readdirSync(spool)).toEqual([]);
    await image.close();
  });

  it.each([0, 1.5, 65, Number.NaN])('refuses a concurrency of %s', (concurrency) => {
    expect(() => prefetchLayers(imageOf([]), { concurrency })).toThrowError(
      expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }) as Error,
    );
  });
});
