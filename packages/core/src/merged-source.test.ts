import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  type Diagnostic,
  expandHoles,
  type Image,
  type ImageNode,
  ImageReader,
  type ImageSource,
  isOcirenderError,
  type Layer,
} from '@ocirender/interface';
import {
  type ContentDigests,
  type HeaderEvent,
  type HeaderRecorder,
  type LayerHeaders,
  type LayerKey,
  type LayerMemory,
  type MergePolicy,
  mergeLayers,
} from '@ocirender/overlay';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitraryStack } from '../../overlay/src/testing/arbitrary-stack.ts';
import type { ModelEntry } from '../../overlay/src/testing/model.ts';
import {
  dir,
  file,
  hardlink,
  layerOf,
  layersOf,
  member,
  symlink,
  tarOf,
} from '../../overlay/src/testing/stack.ts';
import { readImage, sinkContext } from '../../sink-compliance/src/index.ts';
import { tarSink } from '../../sink-tar/src/index.ts';
import { readTarTree } from '../../sink-tar/test/read-tar-tree.ts';
import { archive, image, layer, rawHeader } from '../test/support/hostile-layers.ts';
import type { OpenMergedOptions } from './merged-options.ts';
import { openMergedImage } from './open-merged-image.ts';
import type { ProgressEvent } from './progress.ts';

const PLATFORM = { os: 'linux', architecture: 'arm64', variant: 'v8' };

const imageOf = (...stack: ModelEntry[][]): Image => image(...layersOf(stack));

async function textOf(source: ImageSource, node: ImageNode, options = {}): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of expandHoles(source.content(node, options))) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts).toString('latin1');
}

async function pathsOf(source: ImageSource): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of new ImageReader(source).walk()) paths.push(path);
  return paths;
}

/** A layer that counts how often it is opened and how many of its bytes are taken. */
function counted(of: Layer): { layer: Layer; opened: () => number; taken: () => number } {
  let opened = 0;
  let taken = 0;
  return {
    opened: () => opened,
    taken: () => taken,
    layer: {
      ...of,
      async *open(options) {
        opened++;
        for await (const chunk of of.open(options)) {
          taken += chunk.length;
          yield chunk;
        }
      },
    },
  };
}

/** Keeps headers in memory. */
class HeaderMemory implements LayerMemory {
  readonly #layers = new Map<string, LayerHeaders>();
  readonly #digests = new Map<string, Map<number, string>>();

  findDigests({ diffId }: LayerKey): Promise<ContentDigests | undefined> {
    return Promise.resolve(this.#digests.get(diffId));
  }

  async keepDigests({ diffId }: LayerKey, digests: ReadonlyMap<number, string>): Promise<void> {
    this.#digests.set(diffId, new Map([...(this.#digests.get(diffId) ?? []), ...digests]));
  }

  findHeaders({ diffId }: LayerKey): Promise<LayerHeaders | undefined> {
    return Promise.resolve(this.#layers.get(diffId));
  }

  recordHeaders({ diffId }: LayerKey): HeaderRecorder {
    const events: HeaderEvent[] = [];
    return {
      add: (event) => events.push(structuredClone(event)),
      commit: async (tarBytes) =>
        void this.#layers.set(diffId, { tarBytes, events: () => structuredClone(events) }),
    };
  }

  findWork(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  recordWork(): never {
    throw new Error('nobody makes anything of contents here');
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

describe('a merged image', () => {
  const stack = [
    [dir('etc'), file('etc/a', 'old a'), file('etc/b', 'b'), file('gone', 'gone'), file('kept', 'k')],
    [file('etc/a', 'new a'), member('.wh.gone'), symlink('link', 'etc'), hardlink('b2', 'etc/b')],
  ];

  test('facts', async () => {
    const source = await openMergedImage({
      ...imageOf(...stack),
      reference: 'somewhere:latest',
      manifestDigest: 'sha256:00',
      platform: PLATFORM,
    });
    expect(source).toMatchObject({ format: 'oci', times: { stepNs: 1 }, randomAccess: false });
    expect(source.facts).toEqual({
      reference: 'somewhere:latest',
      manifestDigest: 'sha256:00',
      platform: 'linux/arm64/v8',
      layers: 2,
      layerBytes: layersOf(stack).reduce((sum, { size }) => sum + size, 0),
      entries: 7,
      bytes: 7,
    });
    await source.close();
  });

  test('tree, digests and contents', async () => {
    const source = await openMergedImage(imageOf(...stack));
    expect(await pathsOf(source)).toEqual(['', 'b2', 'etc', 'etc/a', 'etc/b', 'kept', 'link']);
    const reader = new ImageReader(source);
    const a = await reader.stat('link/a');
    expect(a).toMatchObject({ type: 'file', size: 5, sha256: sha256('new a') });
    expect(await textOf(source, a)).toBe('new a');
    expect(await textOf(source, a, { start: 1, end: 4 })).toBe('ew ');
    expect(await textOf(source, await reader.stat('b2'))).toBe('b');
    expect(await reader.stat('b2')).toBe(await reader.stat('etc/b'));
    expect(await reader.stat('link')).toMatchObject({ type: 'symlink', target: 'etc', size: 3 });
  });

  test('without digests', async () => {
    const source = await openMergedImage(imageOf(...stack), { digests: false });
    const a = await new ImageReader(source).stat('etc/a');
    expect(a.sha256).toBeUndefined();
    expect(await textOf(source, a)).toBe('new a');
  });

  test('reads no more again than it must', async () => {
    // What is read ahead are two rings of 12 slots, here of one chunk each.
    const large = 'x'.repeat(3_000_000);
    const layers = [
      [file('old', 'old'), file('large', large)],
      [file('middle', 'm'), file('big', large)],
      [file('new', 'n')],
    ].map((entries) => counted(layerOf(tarOf(entries), [8192])));
    const source = await openMergedImage(image(...layers.map((of) => of.layer)));
    const reader = new ImageReader(source);
    const opened = (): number[] => layers.map((of) => of.opened());
    expect(opened()).toEqual([1, 1, 1]);
    expect(await textOf(source, await reader.stat('new'))).toBe('n');
    expect(opened()).toEqual([1, 1, 2]);
    const before = layers[1]!.taken();
    expect(await textOf(source, await reader.stat('middle'))).toBe('m');
    expect(opened()).toEqual([1, 2, 2]);
    expect(layers[1]!.taken() - before).toBeLessThan(600_000);
    expect(await textOf(source, await reader.stat('old'))).toBe('old');
    expect(opened()).toEqual([2, 2, 2]);
  });

  describe('whose headers are known', () => {
    const large = 'x'.repeat(3_000_000);
    const entries = [
      [file('old', 'old'), file('big', 'hidden'), file('behind', large)],
      [file('new', 'n'), member('.wh.gone'), file('big', large)],
    ];

    /** Opens it twice with the same memory, the second time from these layers. */
    async function again(change: (layer: Layer) => Layer) {
      const headers = new HeaderMemory();
      const asStored = (layer: Layer): Layer => ({ ...layer, marksSockets: false });
      const first = entries.map((layer) => asStored(layerOf(tarOf(layer), [8192])));
      await openMergedImage(image(...first), { digests: false, cache: headers });
      const layers = first.map((layer) => counted(change(layer)));
      const source = await openMergedImage(image(...layers.map(({ layer }) => layer)), {
        digests: false,
        cache: headers,
      });
      return { source, opened: () => layers.map((layer) => layer.opened()), layers };
    }

    test('no layer is read for names, and for contents the one that has them, to its end', async () => {
      const { source, opened, layers } = await again((layer) => layer);
      expect(await pathsOf(source)).toEqual(['', 'behind', 'big', 'new', 'old']);
      expect(opened()).toEqual([0, 0]);
      const reader = new ImageReader(source);
      expect(await textOf(source, await reader.stat('old'))).toBe('old');
      expect(opened()).toEqual([1, 0]);
      expect(layers[0]!.taken()).toBe(layers[0]!.layer.size);
      // It is known to be right now: no more than is wanted.
      expect(await textOf(source, await reader.stat('old'))).toBe('old');
      expect(layers[0]!.taken()).toBeLessThan(1.5 * layers[0]!.layer.size);
      expect(opened()).toEqual([2, 0]);
    });

    test('with digests too; where another image shows more of a layer, that is read', async () => {
      const cache = new HeaderMemory();
      const stored = entries.map((layer) => {
        return counted({ ...layerOf(tarOf(layer)), marksSockets: false });
      });
      const opened = (): number[] => stored.map((layer) => layer.opened());
      const sum = async (count: number, name: string, more = {}): Promise<string | undefined> => {
        const layers = stored.slice(0, count).map(({ layer }) => layer);
        const source = await openMergedImage(image(...layers), { cache, ...more });
        return (await new ImageReader(source).stat(name)).sha256;
      };
      expect(await sum(2, 'old')).toBe(sha256('old'));
      expect(opened()).toEqual([1, 1]);
      expect(await sum(2, 'big')).toBe(sha256(large));
      expect(opened()).toEqual([1, 1]);
      expect(await sum(2, 'new', { digests: false })).toBeUndefined();
      expect(opened()).toEqual([1, 1]);
      // What the newer layer replaced was not hashed.
      expect(await sum(1, 'big')).toBe(sha256('hidden'));
      expect(opened()).toEqual([2, 1]);
      expect(await sum(1, 'big')).toBe(sha256('hidden'));
      expect(opened()).toEqual([2, 1]);
    });

    test('a layer that is not what was promised is found out by who reads of it, also by who stops early', async () => {
      const damaged = (layer: Layer): Layer => ({
        ...layer,
        async *open(options) {
          let at = 0;
          for await (const chunk of layer.open(options)) {
            // Far behind what is asked for.
            if (at > 2_000_000) chunk[100]! ^= 1;
            at += chunk.length;
            yield chunk;
          }
        },
      });
      const { source } = await again(damaged);
      const node = await new ImageReader(source).stat('new');
      await expect(textOf(source, node)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
      const { source: other } = await again(damaged);
      const early = async (): Promise<void> => {
        const [files] = [
          [await new ImageReader(other).stat('new'), await new ImageReader(other).stat('big')],
        ];
        for await (const _ of other.contents(files)) return;
      };
      await expect(early()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
    });
  });

  test('several contents in one pass, each once, some left unread', async () => {
    const large = 'large '.repeat(200_000);
    const layers = layersOf([
      [file('a', 'a'), file('empty', ''), file('big', large)],
      [file('c', 'c'), file('d', 'd')],
    ]).map(counted);
    const source = await openMergedImage(image(...layers.map((of) => of.layer)));
    const reader = new ImageReader(source);
    const names = ['a', 'empty', 'big', 'c', 'd', 'a'];
    const nodes = await Promise.all(names.map((name) => reader.stat(name)));
    const found: Record<string, string | undefined> = {};
    for await (const { node, content } of source.contents(nodes)) {
      const name = names[nodes.indexOf(node)]!;
      expect(found).not.toHaveProperty(name);
      found[name] = '';
      if (name === 'big') continue;
      for await (const chunk of expandHoles(content)) found[name] += Buffer.from(chunk).toString();
    }
    expect(found).toEqual({ a: 'a', empty: '', big: '', c: 'c', d: 'd' });
    expect(layers.map((of) => of.opened())).toEqual([2, 2]);
    // Leaving early ends the reading.
    for await (const { node } of source.contents(nodes)) if (node.size > 0) break;
    expect(await textOf(source, nodes[2]!)).toBe(large);
  });

  test('sparse files', async () => {
    const data = 'z'.repeat(512);
    const sparse = { size: 5_000_000, extents: [{ offset: 1_024_000, length: 512 }] };
    const source = await openMergedImage(imageOf([file('sparse', data, { sparse })]));
    const whole = `${'\0'.repeat(1_024_000)}${data}${'\0'.repeat(5_000_000 - 1_024_512)}`;
    const node = await new ImageReader(source).stat('sparse');
    expect(node).toMatchObject({ size: 5_000_000, sha256: sha256(whole) });
    expect((await textOf(source, node)) === whole).toBe(true);
    expect(await textOf(source, node, { start: 1_023_999, end: 1_024_002 })).toBe('\0zz');
  });

  test('a terabyte of holes is not hashed', async () => {
    const sparse = { size: 10 ** 12, extents: [] };
    const source = await openMergedImage(imageOf([file('hole', '', { sparse })]));
    const node = await new ImageReader(source).stat('hole');
    expect(node.sha256).toBeUndefined();
    const chunks: unknown[] = [];
    for await (const chunk of source.content(node, { start: 5 })) chunks.push(chunk);
    expect(chunks).toEqual([{ hole: 10 ** 12 - 5 }]);
  });

  test('progress, diagnostics and policy pass through', async () => {
    const events: ProgressEvent[] = [];
    const diagnostics: Diagnostic[] = [];
    const layers = [[file('a', 'a'), hardlink('b', 'missing')]];
    const strict = openMergedImage(imageOf(...layers));
    await expect(strict).rejects.toMatchObject({ code: 'ERR_OCIRENDER_INVALID_HARDLINK' });
    const source = await openMergedImage(imageOf(...layers), {
      lenient: true,
      sourceDateEpoch: 77,
      onProgress: (event) => events.push(event),
      onDiagnostic: (diagnostic) => diagnostics.push(diagnostic),
    });
    expect(diagnostics.map(({ code }) => code)).toEqual(['hardlink-dropped']);
    expect(source.root.mtime).toBe(77);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['start', 'phase', 'layer-start', 'layer-bytes', 'layer-end']),
    );
    const told = diagnostics.length;
    expect(await textOf(source, await new ImageReader(source).stat('a'))).toBe('a');
    expect(diagnostics.length).toBe(told);
  });

  test('limits and aborts', async () => {
    const layers = imageOf([file('a', 'a'), file('b', 'b')]);
    await expect(openMergedImage(layers, { limits: { entries: 1 } })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'entries',
    });
    await expect(openMergedImage(layers, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
    const source = await openMergedImage(layers);
    const node = await new ImageReader(source).stat('a');
    await expect(textOf(source, node, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_ABORTED',
    });
  });

  test('what is no file or directory of it', async () => {
    const source = await openMergedImage(imageOf([file('a', 'a')]));
    const a = await new ImageReader(source).stat('a');
    await expect(source.children(a)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    await expect(textOf(source, { ...a, type: 'fifo' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
  });
});

describe('hostile layers', () => {
  const whole = Buffer.from(tarOf([file('a', 'text'), file('b', 'x'.repeat(2000))]));
  test.each<[string, string, Layer]>([
    ['text', 'ERR_OCIRENDER_FORMAT', layer(Buffer.alloc(1024, 'text'))],
    ['cut short', 'ERR_OCIRENDER_TRUNCATED', layer(whole.subarray(0, 2000))],
    ['gzip cut short', 'ERR_OCIRENDER_TRUNCATED', layer(gzipSync(whole).subarray(0, 100), 'gzip')],
    ['another type', 'ERR_OCIRENDER_FORMAT', layer(archive(rawHeader('x', 'M', 0)))],
    [
      'another digest',
      'ERR_OCIRENDER_DIGEST_MISMATCH',
      { ...layerOf(whole), diffId: `sha256:${'0'.repeat(64)}` },
    ],
  ])('%s', async (_, code, bad) => {
    for (const digests of [true, false]) {
      await expect(openMergedImage(image(bad), { digests })).rejects.toMatchObject({ code });
    }
  });

  test('a layer that changes after it was opened', async () => {
    let bytes = whole;
    const source = await openMergedImage(image({ ...layerOf(whole), open: () => onePiece(bytes) }));
    const reader = new ImageReader(source);
    const [a, b] = [await reader.stat('a'), await reader.stat('b')];
    bytes = whole.subarray(0, 1536);
    expect(await textOf(source, a)).toBe('text');
    await expect(textOf(source, b)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
  });
});

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield Uint8Array.from(bytes);
}

test('any stack of layers reads as it converts', async () => {
  const place = await mkdtemp(join(tmpdir(), 'ocirender-merged-'));
  try {
    let runs = 0;
    const choices = fc.record({
      lenient: fc.boolean(),
      digests: fc.boolean(),
      keepDirlinks: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(arbitraryStack.map(smallFiles), choices, async (stack, options) => {
        const { lenient, keepDirlinks } = options;
        const policy = { lenient, keepDirlinks, whiteoutDevices: 'keep' as const };
        const converted = await outcome(convertedTree(stack, policy, join(place, `${runs++}.tar`)));
        const opened = await outcome(read(imageOf(...stack), { ...options, whiteoutDevices: 'keep' }));
        expect(opened).toEqual(converted);
      }),
      { numRuns: 150 },
    );
  } finally {
    await rm(place, { recursive: true });
  }
});

/** Reading gigabytes of zeros takes too long here. */
function smallFiles(stack: ModelEntry[][]): ModelEntry[][] {
  return stack.map((entries) =>
    entries.map(({ sparse, ...entry }) => {
      if (sparse !== undefined && sparse.size <= 1_000_000) return { ...entry, sparse };
      return { ...entry, data: entry.data.slice(0, 100_000) };
    }),
  );
}

/** The tree as the tar sink writes it. */
async function convertedTree(
  stack: ModelEntry[][],
  policy: Partial<MergePolicy>,
  path: string,
): ReturnType<typeof readTarTree> {
  const open = async (): ReturnType<typeof tarSink.open> => {
    await rm(path, { force: true });
    return tarSink.open(sinkContext(tarSink, { output: { kind: 'file', path } }));
  };
  await mergeLayers({ layers: layersOf(stack), openSession: open, policy });
  return readTarTree(path);
}

/** What tells trees apart, link groups by their first name; or the code of the error. */
async function outcome(reading: Promise<ReadonlyMap<string, { inode: string | number }>>): Promise<unknown> {
  try {
    const groups = new Map<string | number, string>();
    const entries = [...(await reading)].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return entries.map(([path, entry]) => {
      if (!groups.has(entry.inode)) groups.set(entry.inode, path);
      return [path, { ...entry, inode: groups.get(entry.inode) }];
    });
  } catch (error) {
    if (isOcirenderError(error)) return error.code;
    throw error;
  }
}

/** Reads everything: at once, and each file by itself. */
async function read(of: Image, options: OpenMergedOptions): ReturnType<typeof readImage> {
  const source = await openMergedImage(of, options);
  const reader = new ImageReader(source);
  const tree = await readImage(reader);
  for await (const { path, node } of reader.walk()) {
    if (node.type === 'file') expect(sha256(await textOf(source, node))).toBe(tree.get(path)!.sha256);
  }
  return tree;
}
