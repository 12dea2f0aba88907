import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** An OCI layout in memory: file name to bytes. */
export type LayoutFiles = Map<string, Buffer>;

/** What is changed: a layer as it is stored, its tar, or a document. */
type Target = 'stored layer' | 'tar' | 'manifest' | 'config' | 'index';

/** One change of some bytes. */
export interface Edit {
  readonly kind: 'flip' | 'set' | 'cut' | 'double' | 'insert' | 'end' | 'block';
  /** Where, as a part of the whole. */
  readonly at: number;
  readonly length: number;
  readonly value: number;
}

/** A change of an image. */
export interface Mutation {
  readonly target: Target;
  readonly layer: number;
  /** Digests, sizes and diff_ids up the chain are made right again, so that the parsers get to see the bytes. */
  readonly repair: boolean;
  /** The checksums of changed tar headers too. */
  readonly checksums: boolean;
  readonly edits: readonly Edit[];
}

/** Any mutation; shrinks to one edit. */
export const arbitraryMutation: fc.Arbitrary<Mutation> = fc.record({
  target: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Target>('tar') },
    { weight: 2, arbitrary: fc.constant<Target>('stored layer') },
    { weight: 2, arbitrary: fc.constantFrom<Target>('manifest', 'config', 'index') },
  ),
  layer: fc.nat(5),
  repair: fc.integer({ min: 0, max: 7 }).map((n) => n > 0),
  checksums: fc.boolean(),
  edits: fc.array(
    fc.record({
      kind: fc.constantFrom('flip', 'set', 'cut', 'double', 'insert', 'end', 'block'),
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      length: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(512, 1024)),
      value: fc.oneof(
        fc.constantFrom(0, 0x20, 0x2f, 0x30, 0x37, 0x7f, 0x80, 0xff),
        fc.integer({ min: 0, max: 255 }),
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

interface Descriptor {
  digest: string;
  size: number;
}

interface Document {
  manifests: Descriptor[];
  config: Descriptor;
  layers: Descriptor[];
  rootfs: { diff_ids: string[] };
}

/**
 * Changes an image.
 *
 * @param files - an image of one manifest whose layers are tar or gzip
 * @param mutation - what to do
 * @returns the changed layout
 */
export function mutate(files: LayoutFiles, mutation: Mutation): LayoutFiles {
  const result = new Map(files);
  const index = parse(result.get('index.json')!);
  const manifest = parse(blob(result, index.manifests[0]!));
  const layer = manifest.layers[mutation.layer % manifest.layers.length]!;
  const edit = (bytes: Buffer): Buffer => mutation.edits.reduce(applyEdit, bytes);
  const replace = (descriptor: Descriptor, bytes: Buffer): void => {
    if (!mutation.repair) {
      result.set(name(descriptor), bytes);
      return;
    }
    descriptor.digest = digest(bytes);
    descriptor.size = bytes.length;
    result.set(name(descriptor), bytes);
  };
  switch (mutation.target) {
    case 'index':
      result.set('index.json', edit(result.get('index.json')!));
      return result;
    case 'manifest':
      replace(index.manifests[0]!, edit(blob(result, index.manifests[0]!)));
      result.set('index.json', stringify(index));
      return result;
    case 'config':
      replace(manifest.config, edit(blob(result, manifest.config)));
      break;
    default: {
      const stored = blob(result, layer);
      const gzip = stored[0] === 0x1f && stored[1] === 0x8b;
      if (mutation.target === 'tar') {
        let tar = edit(gzip ? gunzipSync(stored) : stored);
        if (mutation.checksums) tar = withChecksums(tar);
        replace(layer, gzip ? gzipSync(tar, { level: 1 }) : tar);
        const config = parse(blob(result, manifest.config));
        config.rootfs.diff_ids[mutation.layer % manifest.layers.length] = digest(tar);
        replace(manifest.config, stringify(config));
      } else {
        replace(layer, edit(stored));
      }
    }
  }
  replace(index.manifests[0]!, stringify(manifest));
  result.set('index.json', stringify(index));
  return result;
}

function applyEdit(bytes: Buffer, { kind, at, length, value }: Edit): Buffer {
  const from = Math.floor(at * bytes.length);
  const copy = Buffer.from(bytes);
  switch (kind) {
    case 'flip':
      if (from < copy.length) copy[from]! ^= 1 << (value & 7);
      return copy;
    case 'set':
      return copy.fill(value, from, Math.min(copy.length, from + length));
    case 'cut':
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
    case 'double':
      return Buffer.concat([bytes.subarray(0, from + length), bytes.subarray(from)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(length, value), bytes.subarray(from)]);
    case 'end':
      return bytes.subarray(0, from);
    case 'block': {
      // A tar block over another one: headers change places with data.
      const source = Math.floor(((value / 256) * bytes.length) / 512) * 512;
      bytes.copy(copy, Math.floor(from / 512) * 512, source, source + 512);
      return copy;
    }
  }
}

/** Gives each block that looks like a header the checksum that it would need. */
function withChecksums(tar: Buffer): Buffer {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    const block = tar.subarray(at, at + 512);
    if (!block.subarray(257, 262).equals(Buffer.from('ustar'))) continue;
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return tar;
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function name(descriptor: Descriptor): string {
  return `blobs/${descriptor.digest.replace(':', '/')}`;
}

function blob(files: LayoutFiles, descriptor: Descriptor): Buffer {
  return files.get(name(descriptor))!;
}

function parse(bytes: Buffer): Document {
  return JSON.parse(bytes.toString('utf8')) as Document;
}

function stringify(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
