import { isOcirenderError, type OcirenderError } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { mergeLayers } from './merge.ts';
import { listTree, MemorySession } from './testing/memory-sink.ts';
import type { ModelEntry } from './testing/model.ts';
import { dir, file, hardlink, layersOf, symlink } from './testing/stack.ts';

async function merge(entries: ModelEntry[], limits = {}): Promise<string[] | OcirenderError> {
  const session = new MemorySession();
  try {
    await mergeLayers({ layers: layersOf([entries]), openSession: async () => session, limits });
    return listTree(session.tree!, session.contents);
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    return error;
  }
}

describe('work and memory are bounded', () => {
  it('40,000 hard links before their target', async () => {
    const links = Array.from({ length: 40_000 }, (_, i) => hardlink(`n${i}`, 'file'));
    expect(await merge([...links, file('file', 'x')])).toHaveLength(40_002);
  });

  it('hard links that wait for each other, in the worst order', async () => {
    const chain = (length: number): ModelEntry[] => [
      ...Array.from({ length }, (_, i) => hardlink(`n${i}`, `n${i + 1}`)),
      file(`n${length}`, 'x'),
    ];
    expect(await merge(chain(40))).toHaveLength(42);
    expect(await merge(chain(40_000))).toMatchObject({ code: 'ERR_OCIRENDER_INVALID_HARDLINK' });
  });

  it('links with long targets', async () => {
    const links = Array.from({ length: 200 }, (_, i) => symlink(`l${i}`, `${'a/../'.repeat(800)}l${i + 1}`));
    const below = Array.from({ length: 2000 }, (_, i) => file(`l0/${i}`, ''));
    expect(await merge([dir('a'), ...links, ...below])).toMatchObject({ code: 'ERR_OCIRENDER_SYMLINK_LOOP' });
  });

  it('a tree that links make deeper than any path', async () => {
    const path = 'd/'.repeat(600).slice(0, -1);
    const entries = [dir(path), symlink('l', path), dir(`l/${path}`)];
    expect(await merge(entries)).toMatchObject({ code: 'ERR_OCIRENDER_LIMIT', limit: 'pathDepth' });
    expect(await merge(entries, { pathDepth: 1200 })).toHaveLength(1202);
  });

  it('names of many components, each of which implies directories', async () => {
    const deep = (i: number): ModelEntry => file(`${i}/${'d/'.repeat(50)}f`, '');
    const entries = Array.from({ length: 20 }, (_, i) => deep(i));
    // Each makes 51 directories.
    expect(await merge(entries, { entries: 20 * 52 })).toHaveLength(1 + 20 * 52);
    expect(await merge(entries, { entries: 20 * 52 - 1 })).toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit: 'entries',
    });
  });

  it('markers and files deeper than the trackers look', async () => {
    const deep = 'd/'.repeat(70);
    const session = new MemorySession();
    await mergeLayers({
      layers: layersOf([[file(`${deep}x/y`, 'old')], [file(`${deep}.wh.x`, ''), file(`${deep}kept`, 'new')]]),
      openSession: async () => session,
    });
    const names = listTree(session.tree!, session.contents).map((line) => (JSON.parse(line) as string[])[0]);
    expect(names.slice(-2)).toEqual([deep.slice(0, -1), `${deep}kept`]);
  });

  it('a sparse file of many extents', async () => {
    const extents = Array.from({ length: 9 }, (_, i) => ({ offset: i * 1024, length: 512 }));
    const entry = file('sparse', 'x'.repeat(9 * 512), { sparse: { size: 9 * 1024, extents } });
    expect(await merge([entry], { sparseExtents: 8 })).toMatchObject({ limit: 'sparseExtents' });
    expect(await merge([entry], { sparseExtents: 10 })).toHaveLength(2);
  });

  it.each([
    ['names', file('n'.repeat(60), '')],
    ['link targets', symlink('l', 't'.repeat(60))],
    ['attributes', file('f', '', { xattrs: { 'user.a': 'v'.repeat(60) } })],
  ])('%s of all entries together', async (_, entry) => {
    const entries = Array.from({ length: 20 }, () => entry);
    expect(await merge(entries, { metadataBytes: 1000 })).toMatchObject({ limit: 'metadataBytes' });
    expect(await merge(entries, { metadataBytes: 2000 })).toHaveLength(2);
  });

  it('small attributes and records cost what it takes to hold them; equal sets cost once', async () => {
    const named = (i: number, xattr: string): ModelEntry => file(`f${i}`, '', { xattrs: { [xattr]: '1' } });
    const different = Array.from({ length: 20 }, (_, i) => named(i, `user.${i}`));
    const equal = Array.from({ length: 20 }, (_, i) => named(i, 'user.same'));
    expect(await merge(different, { metadataBytes: 20 * 1024 })).toMatchObject({ limit: 'metadataBytes' });
    expect(await merge(different, { metadataBytes: 20 * 1050 })).toHaveLength(21);
    expect(await merge(equal, { metadataBytes: 1500 })).toHaveLength(21);
  });
});
