import type { ByteString, Entry, Extent } from '@ocirender/interface';
import fc from 'fast-check';
import { plainEntry } from './raw-tar.ts';

/** Any byte but NUL. */
const nameByte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const byteName = (maxLength: number): fc.Arbitrary<ByteString> =>
  fc.oneof(
    fc.string({ unit: nameByte, minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '/', '\xff'), minLength: 1, maxLength }),
  );
const path = byteName(300).map((name) => name.replace(/\/$/, '_'));
const values = fc.uint8Array({ maxLength: 40 });
const filled = fc.uint8Array({ minLength: 1, maxLength: 40 });

const xattrs = fc.dictionary(
  fc.oneof(
    fc.constantFrom('user.a=b', 'security.capability', 'user.%41', 'system.posix_acl_access'),
    byteName(20),
  ),
  values,
);

const metadata = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.nat(2000), fc.nat(0xffff_ffff)),
  gid: fc.oneof(fc.nat(2000), fc.nat(0xffff_ffff)),
  mtime: fc.oneof(fc.nat(), fc.integer(), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
  mtimeNs: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
  xattrs: xattrs.map((record) => new Map(Object.entries(record))),
});

const extraPax = fc.option(
  fc.dictionary(fc.constantFrom('comment', 'vendor.key', 'RHT.x\n', '\xff'), filled, { minKeys: 1 }),
  { nil: undefined },
);

/** Canonical extents: ascending, none empty, none touching, at least one hole. */
const extents = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2000 })), { maxLength: 5 })
  .chain((gaps) =>
    fc.tuple(fc.constant(gaps), fc.boolean(), fc.integer({ min: gaps.length === 0 ? 1 : 0, max: 2000 })),
  )
  .map(([gaps, isAtStart, tail]) => {
    const list: Extent[] = [];
    let end = 0;
    for (const [gap, length] of gaps) {
      const offset = end + (isAtStart && list.length === 0 ? 0 : gap);
      list.push({ offset, length });
      end = offset + length;
    }
    const isFull = list.length === 1 && list[0]!.offset === 0 && tail === 0;
    return { extents: list, size: end + (isFull ? 1 : tail) };
  });

const kind: fc.Arbitrary<Partial<Entry>> = fc.oneof(
  fc.nat(3000).map((size) => ({ size })),
  extents,
  path.map((name) => ({ type: 'directory' as const, path: name })),
  byteName(300).map((linkTarget) => ({ type: 'symlink' as const, linkTarget })),
  path.map((linkTarget) => ({ type: 'hardlink' as const, linkTarget })),
  fc
    .record({
      devMajor: fc.oneof(fc.nat(4095), fc.nat(0xffff_ffff)),
      devMinor: fc.oneof(fc.nat(255), fc.nat(0xffff_ffff)),
    })
    .map((device) => ({ type: 'block-device' as const, ...device })),
  fc.constant({ type: 'fifo' as const }),
);

/** Any entry in canonical form, with a content that fits. */
export const arbitraryEntry: fc.Arbitrary<Entry> = fc
  .tuple(path, metadata, extraPax, kind)
  .map(([name, data, extra, rest]) => {
    const entry = plainEntry({ path: name, ...data, ...rest });
    if (extra !== undefined) entry.extraPax = new Map(Object.entries(extra));
    return entry;
  });
