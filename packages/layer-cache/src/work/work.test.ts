import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic } from '@ocirender/interface';
import type { KnownWork } from '@ocirender/overlay';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LayerCache } from '../layer-cache.ts';
import { EntryDamaged } from '../store/entry-damaged.ts';
import { WorkIndex, WorkIndexWriter } from './work-index.ts';

const RUNS = Number(process.env['OCIRENDER_FUZZ_RUNS'] ?? 400);
const KEY = { diffId: `sha256:${'1'.repeat(64)}`, digest: `sha256:${'2'.repeat(64)}` };
const WORK = 'testfs level 1';

const word = fc.oneof(fc.nat(9), fc.nat(0xffff_ffff));
const anyItem = fc.record({
  size: fc.oneof(fc.nat(100), fc.nat(2 ** 40)),
  crc: word,
  members: fc.array(fc.nat(2 ** 27 - 1), { maxLength: 4 }),
  words: fc.array(word, { maxLength: 4 }),
});

describe('an index', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.array(anyItem, { maxLength: 2000 }), (items) => {
        const writer = new WorkIndexWriter();
        for (const { size, crc, members, words } of items) writer.add(size, crc, members, words);
        const index = new WorkIndex(writer.encode());
        expect(index.count).toBe(items.length);
        let position = 0;
        for (const [number, { size, crc, members, words }] of items.entries()) {
          const item = index.item(number);
          expect([[...item.members], [...item.words], item.size]).toEqual([members, words, size]);
          expect(index.range(number)).toEqual({ position, size, crc32: crc });
          position += size;
        }
        expect(index.dataBytes).toBe(position);
        expect(index.lastMember).toBe(Math.max(-1, ...items.flatMap(({ members }) => members)));
      }),
      { numRuns: Math.ceil(RUNS / 4) },
    );
  });

  it('of any bytes is one, or damaged', () => {
    const check = (bytes: Uint8Array): void => {
      try {
        const index = new WorkIndex(bytes);
        for (let item = 0; item < index.count; item++) index.item(item);
        expect(index.lastMember).toBeLessThan(2 ** 27);
      } catch (error) {
        expect(error).toBeInstanceOf(EntryDamaged);
      }
    };
    fc.assert(
      fc.property(
        fc.array(anyItem, { maxLength: 5 }),
        fc.nat(),
        fc.nat(255),
        fc.uint8Array({ maxLength: 60 }),
        (items, at, value, noise) => {
          const writer = new WorkIndexWriter();
          for (const { size, crc, members, words } of items) writer.add(size, crc, members, words);
          const bytes = writer.encode();
          bytes[at % bytes.length] = value;
          check(bytes);
          check(bytes.subarray(0, at % bytes.length));
          check(noise);
        },
      ),
      { numRuns: RUNS * 5 },
    );
    expect(() => new WorkIndex(Buffer.alloc(0))).toThrow(EntryDamaged);
  });
});

describe('kept work', () => {
  let directory: string;
  let told: Diagnostic[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ocirender-work-'));
    told = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const open = (maxBytes?: number): Promise<LayerCache> =>
    LayerCache.open(join(directory, 'cache'), {
      diagnose: (diagnostic) => told.push(diagnostic),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });

  /** Records three items, one without bytes while another is being made. */
  async function record(cache: LayerCache, first = 'first'): Promise<void> {
    const recorder = cache.recordWork(KEY, WORK);
    recorder.append(Buffer.from(first));
    recorder.end([3], [7, 8]);
    recorder.append(Buffer.from('the sec'));
    recorder.note([4, 5], []);
    await recorder.settle();
    recorder.append(Buffer.from('ond'));
    recorder.end([0], []);
    await recorder.commit();
  }

  function itemsOf(known: KnownWork): unknown[] {
    return Array.from({ length: known.count }, (_, index) => {
      const { members, words, size } = known.item(index);
      const bytes = Buffer.alloc(size);
      known.read(index, bytes);
      return [[...members], [...words], bytes.toString()];
    });
  }

  const ITEMS = [
    [[3], [7, 8], 'first'],
    [[4, 5], [], ''],
    [[0], [], 'the second'],
  ];

  it('is found under its layer and name only', async () => {
    const cache = await open();
    await record(cache);
    const known = (await cache.findWork(KEY, WORK, true))!;
    expect(itemsOf(known)).toEqual(ITEMS);
    expect([0, 1, 2, 3, 4, 5, 6, 1e9].map((member) => known.has(member))).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
    const { fd: _, ...range } = known.range(2);
    expect(range).toEqual({ position: 5, size: 10, crc32: expect.any(Number) });
    await known.close();
    expect(await cache.findWork(KEY, 'testfs level 2', true)).toBeUndefined();
    expect(await cache.findWork({ ...KEY, diffId: `sha256:${'3'.repeat(64)}` }, WORK, true)).toBeUndefined();
    const other = { ...KEY, digest: `sha256:${'4'.repeat(64)}` };
    expect(await cache.findWork(other, WORK, true)).toBeUndefined();
    await (await cache.findWork(other, WORK, false))!.close();
    expect(await cache.list()).toEqual([
      expect.objectContaining({ kind: 'work', format: 'testfs', diffId: KEY.diffId, uses: 2 }),
    ]);
    expect(told).toEqual([]);
  });

  it('of several sessions is one list, and of no more than four files', async () => {
    const cache = await open();
    for (let number = 0; number < 10; number++) await record(cache, `first ${number}`);
    const known = (await cache.findWork(KEY, WORK, true))!;
    expect(known.count).toBe(12);
    expect(itemsOf(known)[9]).toEqual([[3], [7, 8], 'first 9']);
    await known.close();
    expect(await cache.list()).toHaveLength(4);
  });

  it('that is discarded, empty or too large leaves nothing', async () => {
    const cache = await open(2000);
    const discarded = cache.recordWork(KEY, WORK);
    discarded.append(Buffer.alloc(100));
    discarded.end([1], []);
    await discarded.settle();
    await discarded.discard();
    await discarded.commit();
    const large = cache.recordWork(KEY, WORK);
    for (let number = 0; number < 30; number++) {
      large.append(Buffer.alloc(100));
      large.end([number], []);
      await large.settle();
    }
    await large.commit();
    expect(await cache.list()).toEqual([]);
    await record(cache);
    // The first one of a layer may be empty: it says that nothing is wanted.
    await cache.recordWork(KEY, WORK).commit();
    expect(await cache.list()).toHaveLength(1);
    await cache.recordWork(KEY, 'testfs level 2').commit();
    expect(await cache.list()).toHaveLength(2);
    const files = (await readdir(directory, { recursive: true })).filter((name) => name.includes('.tmp'));
    expect(files).toEqual([]);
    expect(told).toEqual([]);
  });

  it('that cannot be written is said once, and no error', async () => {
    const cache = await open();
    const recorder = cache.recordWork(KEY, WORK);
    await writeFile(join(directory, 'cache/v1'), 'in the way');
    for (let number = 0; number < 3; number++) {
      recorder.append(Buffer.alloc(100));
      recorder.end([number], []);
      await recorder.settle();
    }
    await recorder.commit();
    expect(told).toEqual([expect.objectContaining({ code: 'cache-not-written' })]);
  });

  it('with any bit changed, or cut anywhere, is found out before its bytes count', async () => {
    const cache = await open();
    await record(cache);
    const { path } = (await cache.list())[0]!;
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      for (const file of [changed, whole.subarray(0, at)]) {
        told = [];
        await writeFile(path, file);
        const known = await cache.findWork(KEY, WORK, true);
        if (known !== undefined) {
          expect(() => itemsOf(known)).toThrow();
          expect(known.isDamaged).toBe(true);
          await known.close();
        }
        expect(told).toEqual([expect.objectContaining({ code: 'cache-entry-damaged' })]);
        expect(await cache.list()).toEqual([]);
      }
    }
    await writeFile(path, whole);
    expect(await cache.verify()).toEqual({ checked: 1, damaged: [] });
    whole[2]! ^= 1;
    await writeFile(path, whole);
    expect((await cache.verify()).damaged).toEqual([
      expect.objectContaining({ kind: 'work', reason: 'the checksum of its bytes is wrong' }),
    ]);
    expect(await cache.list()).toEqual([]);
  });

  it('that makes no sense to a session is removed', async () => {
    const cache = await open();
    await record(cache);
    const known = (await cache.findWork(KEY, WORK, true))!;
    expect(known.reject('it makes no sense')).toBeInstanceOf(Error);
    await known.close();
    expect(told).toEqual([
      { code: 'cache-entry-damaged', message: expect.stringContaining('it makes no sense') },
    ]);
    expect(await cache.list()).toEqual([]);
  });
});
