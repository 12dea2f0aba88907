import fc from 'fast-check';
import type { ModelEntry } from './model.ts';
import { member } from './stack.ts';

/** Few names, so that layers collide; some odd ones. */
const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 1, arbitrary: fc.constantFrom('\xff\xfe', 'e\n', ' ', 'caf\xc3\xa9', 'x'.repeat(120)) },
);

const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

/** The same path, spelled in one of the ways archives do; rarely with `..`. */
const spelled = fc.tuple(path, fc.nat(40)).map(([value, how]) => {
  if (how === 0) return `./${value}`;
  if (how === 1) return `/${value}`;
  if (how === 2) return value.replace('/', '//');
  if (how === 3) return value.replace('/', '/./');
  if (how === 4) return `zz/../${value}`;
  if (how === 5) return `${value}/../b`;
  return value;
});

const target = fc.oneof(
  path,
  path.map((value) => `/${value}`),
  path.map((value) => `../${value}`),
  fc.constantFrom('.', '..', '/', 'a/..', '../../..', 'missing'),
);

const attributes = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o1777, 0),
  uid: fc.constantFrom(0, 0, 0, 1000, 4_294_967_295),
  gid: fc.constantFrom(0, 0, 0, 1000, 3_000_000),
  mtime: fc.constantFrom(1_600_000_000, 0, -1, -1000, 5_000_000_000),
  mtimeNs: fc.constantFrom(0, 0, 500_000_000, 123_456_789),
  xattrs: fc.oneof(
    { weight: 6, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.dictionary(
        fc.constantFrom('user.a', 'user.b', 'security.capability'),
        fc.constantFrom('1', '\x00\xff=\n', ''),
        { maxKeys: 2, noNullPrototype: true },
      ),
    },
  ),
});

const data = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('', 'one', 'two', 'three') },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('x', '\0'), fc.constantFrom(511, 512, 513, 5000))
      .map(([c, n]) => c.repeat(n)),
  },
);

/** Some extents of whole blocks in a file of up to some gibibytes; the bytes of the extents are noise of one char each. */
const sparse = fc
  .array(fc.tuple(fc.constantFrom(1, 3, 200, 2 ** 20), fc.integer({ min: 1, max: 3 })), { maxLength: 5 })
  .chain((runs) => fc.tuple(fc.constant(runs), fc.constantFrom(0, 511, 512, 2 ** 33)))
  .map(([runs, tail]) => {
    const extents: { offset: number; length: number }[] = [];
    let size = 0;
    let data = '';
    for (const [gap, blocks] of runs) {
      extents.push({ offset: size + gap * 512, length: blocks * 512 });
      size += (gap + blocks) * 512;
      data += String.fromCharCode(97 + extents.length).repeat(blocks * 512);
    }
    return { type: 'file' as const, data, sparse: { size: size + tail, extents } };
  });

/** Larger than any buffer on the way; rare, since each costs milliseconds. */
const large = fc
  .integer({ min: 1_000_000, max: 3_000_000 })
  .map((size) => ({ type: 'file' as const, data: 'large file '.repeat(size / 11) }));

const unusual = fc
  .nat(30)
  .chain((n): fc.Arbitrary<{ type: 'file'; data: string }> => (n === 30 ? large : sparse));

const kinds = fc.oneof(
  { weight: 1, arbitrary: unusual },
  { weight: 6, arbitrary: data.map((value) => ({ type: 'file' as const, data: value })) },
  { weight: 5, arbitrary: fc.constant({ type: 'directory' as const }) },
  { weight: 2, arbitrary: target.map((linkTarget) => ({ type: 'symlink' as const, linkTarget })) },
  { weight: 3, arbitrary: spelled.map((linkTarget) => ({ type: 'hardlink' as const, linkTarget })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { type: 'fifo' as const },
      { type: 'character-device' as const, devMajor: 1, devMinor: 3 },
      { type: 'character-device' as const, devMajor: 0, devMinor: 0 },
      { type: 'block-device' as const, devMajor: 8, devMinor: 300 },
    ),
  },
);

const ordinary = fc
  .tuple(spelled, attributes, kinds)
  .map(([at, meta, kind]): ModelEntry => member(at, { ...meta, ...kind }));

const marker = fc.tuple(path, fc.nat(9)).map(([at, how]): ModelEntry => {
  const slash = at.lastIndexOf('/') + 1;
  const parent = at.slice(0, slash);
  if (how < 6) return member(`${parent}.wh.${at.slice(slash)}`);
  if (how < 9) return member(`${parent}.wh..wh..opq`);
  return member(`${parent}.wh..wh.aufs`);
});

const root = attributes.map((meta): ModelEntry => member('./', { ...meta, type: 'directory' }));

const layer = fc.array(
  fc.oneof(
    { weight: 14, arbitrary: ordinary },
    { weight: 4, arbitrary: marker },
    { weight: 1, arbitrary: root },
  ),
  { maxLength: 12 },
);

/** 1 to 6 layers, oldest first. */
export const arbitraryStack: fc.Arbitrary<ModelEntry[][]> = fc.array(layer, { minLength: 1, maxLength: 6 });
