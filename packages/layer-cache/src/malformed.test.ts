import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Diagnostic, type Entry, NO_XATTRS } from '@ocirender/interface';
import type { HeaderEvent } from '@ocirender/overlay';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DigestList } from './digests/digest-list.ts';
import { decodeHeaders } from './headers/decode-headers.ts';
import { HeaderEncoder } from './headers/encode-headers.ts';
import { LayerCache } from './layer-cache.ts';
import { EntryDamaged } from './store/entry-damaged.ts';
import { decodeEntry, encodeEntry } from './store/entry-file.ts';

const RUNS = Number(process.env['OCIRENDER_FUZZ_RUNS'] ?? 400);
const LIMITS = { pathBytes: 4096 };
const DIFF_ID = `sha256:${'1'.repeat(64)}`;

const bytes = fc.uint8Array({ maxLength: 80 });
const text = bytes.map((value) => Buffer.from(value).toString('latin1'));
const pairs = fc.array(fc.tuple(text, bytes), { maxLength: 3 }).map((list) => new Map(list));
const safe = fc.oneof(fc.nat(300), fc.maxSafeNat());
const id = fc.oneof(fc.nat(300), fc.nat(0xffff_ffff));
const extents = fc.array(fc.tuple(fc.nat(1e6), fc.nat(1e6)), { maxLength: 4 }).map((list) => {
  let at = 0;
  return list.map(([gap, length]) => {
    const offset = at + gap;
    at = offset + length;
    return { offset, length };
  });
});

const anyEntry: fc.Arbitrary<Entry> = fc
  .record({
    type: fc.constantFrom(
      'file' as const,
      'directory' as const,
      'symlink' as const,
      'hardlink' as const,
      'character-device' as const,
      'block-device' as const,
      'fifo' as const,
      'socket' as const,
    ),
    path: fc.oneof(text, fc.constantFrom('usr/lib/a', 'usr/lib/b', 'usr/lib/a/b', '')),
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
    mtime: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 1)),
    mtimeNs: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
    linkTarget: fc.oneof(fc.constant(''), text),
    devMajor: fc.oneof(fc.constant(0), id),
    devMinor: fc.oneof(fc.constant(0), id),
    xattrs: fc.oneof(fc.constant(NO_XATTRS), pairs),
    size: safe,
    sparse: fc.option(extents, { nil: undefined }),
    extraPax: fc.option(pairs, { nil: undefined }),
  })
  .map(({ sparse, extraPax, ...entry }) => {
    const end = sparse === undefined ? 0 : (sparse.at(-1)?.offset ?? 0) + (sparse.at(-1)?.length ?? 0);
    const size = entry.type === 'file' ? Math.max(entry.size, end) : 0;
    return {
      ...entry,
      size,
      // -0 is no time.
      mtime: entry.mtime + 0,
      ...(sparse === undefined || entry.type !== 'file' ? {} : { extents: sparse }),
      ...(extraPax === undefined ? {} : { extraPax }),
    };
  });

const anyEvent: fc.Arbitrary<HeaderEvent> = fc.oneof(
  { weight: 8, arbitrary: anyEntry.map((entry) => ({ type: 'entry' as const, entry })) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('diagnostic' as const),
      code: fc.string(),
      message: fc.string(),
    }),
  },
);

function encode(events: readonly HeaderEvent[]): Buffer {
  const encoder = new HeaderEncoder();
  for (const event of events) encoder.add(event);
  return Buffer.from(encoder.finish());
}

describe('headers', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
        expect([...decodeHeaders(encode(events))]).toEqual(events);
      }),
      { numRuns: RUNS },
    );
  });

  it('of any bytes end, in events or in one error', () => {
    const ends = (data: Buffer): void => {
      try {
        let count = 0;
        for (const _ of decodeHeaders(data)) count++;
        expect(count).toBeLessThanOrEqual(data.length);
      } catch (error) {
        expect(error).toBeInstanceOf(EntryDamaged);
      }
    };
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 6 }),
        fc.nat(),
        fc.nat(255),
        fc.nat(),
        (events, at, value, cut) => {
          const whole = encode(events);
          const changed = Buffer.from(whole);
          changed[at % changed.length] = value;
          ends(changed);
          const short = whole.subarray(0, cut % whole.length);
          expect(() => [...decodeHeaders(short)]).toThrow(EntryDamaged);
          ends(Buffer.concat([whole, Buffer.of(value)]));
        },
      ),
      { numRuns: RUNS * 5 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => ends(Buffer.from(data))),
      {
        numRuns: RUNS * 5,
      },
    );
  });

  it.each([
    ['a count beyond its end', [16, 0xff, 0xff, 0x03]],
    ['a number of ten groups', [1, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]],
    ['a number beyond 2^53', [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a prefix longer than the path before', [2, 0, 1, 0]],
    ['attributes that were never given', [2, 8, 0, 0, 0, 0, 0, 0, 1]],
    ['an unknown type', [9, 0, 0, 0]],
    ['unknown flags', [1, 128, 0, 0]],
    ['a mode of 16 bits', [2, 0, 0, 0, 0xff, 0xff, 0x03, 0, 0, 0, 0]],
    ['something behind its end', [0, 0]],
    ['no end', []],
  ])('with %s are damaged', (_, data) => {
    expect(() => [...decodeHeaders(Buffer.from(data))]).toThrow(EntryDamaged);
  });
});

describe('digests', () => {
  const anyDigests = fc
    .array(
      fc.tuple(
        fc.nat(2 ** 31 - 1),
        fc.uint8Array({ minLength: 32, maxLength: 32 }).map((sum) => Buffer.from(sum).toString('hex')),
      ),
      { maxLength: 10 },
    )
    .map((list) => new Map(list));

  it('come back as they were', () => {
    fc.assert(
      fc.property(anyDigests, (digests) => {
        const list = new DigestList();
        list.add(digests);
        const back = DigestList.decode(list.encode());
        expect(back.size).toBe(digests.size);
        for (const [record, digest] of digests) expect(back.get(record)).toBe(digest);
      }),
      { numRuns: RUNS },
    );
  });

  it('of any bytes end, in a list or in one error', () => {
    fc.assert(
      fc.property(
        anyDigests,
        fc.nat(),
        fc.nat(255),
        fc.uint8Array({ maxLength: 100 }),
        (digests, at, value, noise) => {
          const list = new DigestList();
          list.add(digests);
          const changed = Buffer.from(list.encode());
          changed[at % changed.length] = value;
          for (const data of [changed, changed.subarray(0, at % changed.length), Buffer.from(noise)]) {
            try {
              expect(DigestList.decode(data).size).toBeLessThanOrEqual(data.length / 32);
            } catch (error) {
              expect(error).toBeInstanceOf(EntryDamaged);
            }
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe('an entry', () => {
  let directory: string;
  let path: string;
  let whole: Buffer;
  let told: Diagnostic[];
  let cache: LayerCache;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ocirender-malformed-'));
    cache = await LayerCache.open(directory, { diagnose: (diagnostic) => told.push(diagnostic) });
    const recorder = cache.recordHeaders({ diffId: DIFF_ID, digest: DIFF_ID }, LIMITS);
    for (const event of fc.sample(anyEvent, { numRuns: 30, seed: 7 })) recorder.add(event);
    await recorder.commit(512);
    path = (await cache.list())[0]!.path;
    whole = await readFile(path);
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** What the cache makes of a file in the entry's place. */
  async function isKnown(file: Buffer): Promise<boolean> {
    told = [];
    await writeFile(path, file);
    const found = await cache.findHeaders({ diffId: DIFF_ID, digest: DIFF_ID }, LIMITS, true);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    // What is damaged is removed, and said.
    expect(isThere).toBe(found !== undefined);
    expect(told).toEqual(
      found === undefined ? [{ code: 'cache-entry-damaged', message: expect.stringContaining(DIFF_ID) }] : [],
    );
    return found !== undefined;
  }

  it('that is whole is known', async () => {
    expect(await isKnown(whole)).toBe(true);
  });

  it('with any bit changed, or cut anywhere, is not', async () => {
    for (let n = 0; n < 300; n++) {
      const at = n < 100 ? n : Math.floor((n * whole.length) / 300);
      const changed = Buffer.from(whole);
      changed[at % whole.length]! ^= 1 << (n % 8);
      expect(await isKnown(changed)).toBe(false);
      expect(await isKnown(whole.subarray(0, at % whole.length))).toBe(false);
    }
    expect(await isKnown(Buffer.concat([whole, Buffer.alloc(1)]))).toBe(false);
    expect(await isKnown(Buffer.alloc(0))).toBe(false);
  });

  it('that is sealed, and yet wrong, is not', async () => {
    const { description, payload } = decodeEntry(whole);
    const sealed = (change: Record<string, unknown>, with_ = payload): Buffer =>
      Buffer.concat(encodeEntry({ description: { ...description, ...change }, payload: with_ }));
    expect(await isKnown(sealed({}))).toBe(true);
    for (const change of [
      { kind: 'other' },
      { diffId: `sha256:${'2'.repeat(64)}` },
      { tarBytes: -1 },
      { tarBytes: 'many' },
      { unpackedBytes: 0 },
      { unpackedBytes: 2 ** 52 },
      { unpackedBytes: (description['unpackedBytes'] as number) - 1 },
      { unpackedBytes: (description['unpackedBytes'] as number) + 1 },
      { limits: null },
      { limits: { pathBytes: 'x' } },
      { kind: undefined },
    ]) {
      expect(await isKnown(sealed(change))).toBe(false);
    }
    // A bomb: it says what it unpacks to, or it says less.
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    for (const unpackedBytes of [50_000_000, 100, bomb.length * 1032]) {
      expect(await isKnown(sealed({ unpackedBytes }, bomb))).toBe(false);
    }
    expect(await isKnown(sealed({}, Buffer.from('no deflate')))).toBe(false);
    const unpacked = inflateRawSync(payload);
    const cut = deflateRawSync(unpacked.subarray(0, -1));
    expect(await isKnown(sealed({ unpackedBytes: unpacked.length - 1 }, cut))).toBe(false);
    for (const text of ['', '[]', 'null', '"x"', '{']) {
      const pieces = encodeEntry({ description: {}, payload });
      const forged = Buffer.concat([pieces[0]!, lengthOf(text), Buffer.from(text), payload]);
      expect(() => decodeEntry(resealed(forged))).toThrow(EntryDamaged);
    }
  });

  it('is checked, and removed, by the command that does', async () => {
    await writeFile(path, whole);
    expect(await cache.verify()).toEqual({ checked: 1, damaged: [] });
    await writeFile(path, whole.subarray(0, 50));
    expect(await cache.verify()).toEqual({
      checked: 1,
      damaged: [{ kind: 'headers', diffId: DIFF_ID, reason: 'its checksum is wrong' }],
    });
    expect(await cache.list()).toEqual([]);
  });
});

function lengthOf(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return length;
}

/** With the right checksum. */
function resealed(data: Buffer): Buffer {
  return Buffer.concat([data, createHash('sha256').update(data).digest()]);
}
