import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Diagnostic,
  isOcirenderError,
  type Layer,
  type SinkSession,
  walkTree,
} from '@ocirender/interface';
import { mergeLayers } from '@ocirender/overlay';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { arbitraryStack } from '../../overlay/src/testing/arbitrary-stack.ts';
import { listTree, MemorySession } from '../../overlay/src/testing/memory-sink.ts';
import type { ModelEntry } from '../../overlay/src/testing/model.ts';
import { countedLayers, layersOf } from '../../overlay/src/testing/stack.ts';
import { LayerCache } from './layer-cache.ts';

const RUNS = Number(process.env['OCIRENDER_FUZZ_RUNS'] ?? 400);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-layer-cache-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Looks at no contents. */
function ignoringSession(): SinkSession {
  let count = 0;
  return {
    placement: 'any',
    ignoresContents: true,
    write: () => count++,
    finish: () => Promise.resolve({ bytesWritten: 0, details: {} }),
    abort: () => Promise.resolve(),
  };
}

interface Outcome {
  readonly tree: readonly string[] | string;
  readonly diagnostics: readonly Diagnostic[];
  readonly opened: number;
}

/** Merges and writes down all that headers say. */
async function headersOf(stack: ModelEntry[][], lenient: boolean, cache?: LayerCache): Promise<Outcome> {
  const diagnostics: Diagnostic[] = [];
  const { layers, opened } = countedLayers(stack);
  try {
    const { tree } = await mergeLayers({
      layers,
      openSession: () => Promise.resolve(ignoringSession()),
      policy: { lenient },
      ...(cache === undefined ? {} : { cache }),
      diagnose: (diagnostic) => diagnostics.push(diagnostic),
    });
    const lines = [...walkTree(tree)].map(({ path, inode }) => {
      const { type, mode, uid, gid, mtime, mtimeNs, xattrs } = inode;
      const own =
        inode.type === 'file'
          ? [inode.size, inode.content, inode.extents]
          : inode.type === 'symlink'
            ? inode.target
            : inode.type === 'character-device' || inode.type === 'block-device'
              ? [inode.devMajor, inode.devMinor]
              : [];
      return JSON.stringify([path, type, mode, uid, gid, mtime, mtimeNs, [...xattrs], own]);
    });
    return { tree: lines, diagnostics, opened: opened() };
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    return { tree: `${error.code} ${error.message}`, diagnostics, opened: opened() };
  }
}

it('gives from a cache what the layers give: trees, diagnostics and errors', async () => {
  const cache = await LayerCache.open(join(directory, 'property'));
  let read = 0;
  let known = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryStack, fc.boolean(), fc.nat(5), async (stack, lenient, evicted) => {
      const clean = await headersOf(stack, lenient);
      const cold = await headersOf(stack, lenient, cache);
      expect(cold).toEqual({ ...clean, opened: cold.opened });
      const { layers } = countedLayers(stack);
      const diffId = layers[evicted]?.diffId;
      const digits = diffId?.slice('sha256:'.length) ?? '';
      // What runs before this one have left is used, too.
      await rm(join(directory, 'property/v1/headers/sha256', digits.slice(0, 2), digits || 'none'), {
        force: true,
      });
      const warm = await headersOf(stack, lenient, cache);
      expect(warm).toEqual({ ...clean, opened: warm.opened });
      if (typeof clean.tree !== 'string') {
        expect(warm.opened).toBe(layers.filter((layer) => layer.diffId === diffId).length);
      }
      read += warm.opened;
      known += layers.length - warm.opened;
    }),
    { numRuns: Math.ceil(RUNS / 4) },
  );
  expect(read).toBeGreaterThan(0);
  expect(known).toBeGreaterThan(read);
});

it('knows a tree before its contents are read, where that is asked for', async () => {
  const cache = await LayerCache.open(join(directory, 'planned'));
  await fc.assert(
    fc.asyncProperty(arbitraryStack, async (stack) => {
      const merge = async (cache?: LayerCache): Promise<readonly string[] | string> => {
        let session = new MemorySession('inline');
        try {
          await mergeLayers({
            layers: countedLayers(stack).layers,
            openSession: () => {
              session = new MemorySession('inline');
              return Promise.resolve(session);
            },
            planFirst: true,
            policy: { lenient: true },
            ...(cache === undefined ? {} : { cache }),
          });
          return listTree(session.tree!, session.contents);
        } catch (error) {
          if (!isOcirenderError(error)) throw error;
          return error.message;
        }
      };
      const clean = await merge();
      expect(await merge(cache)).toEqual(clean);
      expect(await merge(cache)).toEqual(clean);
    }),
    { numRuns: Math.ceil(RUNS / 20) },
  );
  expect(cache.use.hits).toBeGreaterThan(0);
});

it('takes no builder at their word, where a wrong diff_id is let pass', async () => {
  const cache = await LayerCache.open(join(directory, 'lenient'));
  const [known, built] = layersOf([[{ ...MEMBER, path: 'known' }], [{ ...MEMBER, path: 'built' }]]);
  const wrong = { ...built!, marksSockets: false, diffId: known!.diffId! };
  const namesOf = async (layer: Layer, lenient: boolean): Promise<string[]> => {
    const { tree } = await mergeLayers({
      layers: [layer],
      openSession: () => Promise.resolve(ignoringSession()),
      policy: { lenient },
      cache,
    });
    return [...tree.root.children.keys()];
  };
  expect(await namesOf({ ...known!, marksSockets: false }, false)).toEqual(['known']);
  expect(await namesOf(wrong, true)).toEqual(['built']);
  expect(await namesOf({ ...known!, marksSockets: false }, true)).toEqual(['known']);
  expect(cache.use).toEqual({ hits: 1, misses: 2 });
});

it('keeps nothing of layers whose tar is made on the fly, is not promised, or is not what was promised', async () => {
  const path = join(directory, 'unkept');
  const cache = await LayerCache.open(path);
  const [layer] = layersOf([[{ ...MEMBER }]]);
  const { diffId: _, ...unpromised } = { ...layer!, marksSockets: false };
  const wrong = { ...unpromised, diffId: `sha256:${'0'.repeat(64)}` };
  for (const one of [layer!, unpromised, wrong]) {
    await mergeLayers({
      layers: [one],
      openSession: () => Promise.resolve(ignoringSession()),
      policy: { lenient: true },
      cache,
    });
  }
  expect(await cache.list()).toEqual([]);
  expect(await readdir(path)).toEqual(['CACHEDIR.TAG']);
});

const MEMBER: ModelEntry = {
  path: 'a',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNs: 0,
  xattrs: {},
  data: 'a',
  linkTarget: '',
  devMajor: 0,
  devMinor: 0,
};
