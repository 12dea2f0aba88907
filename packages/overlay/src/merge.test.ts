import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Diagnostic, DigestMismatchError, type Layer, OcirenderError } from '@ocirender/interface';
import { END_OF_ARCHIVE, encodeTarHeader } from '@ocirender/tar-header';
import { describe, expect, it } from 'vitest';
import { type MergeOptions, type MergePhase, mergeLayers } from './merge.ts';
import { listTree, MemorySession } from './testing/memory-sink.ts';
import type { ModelEntry } from './testing/model.ts';
import { dir, file, hardlink, layerOf, layersOf, member, symlink, tarOf } from './testing/stack.ts';

interface Run {
  paths: string[];
  contents: Record<string, string | undefined>;
  session: MemorySession;
  sessions: MemorySession[];
  phases: MergePhase[];
  codes: string[];
  wastedBytes: number;
  rereadBytes: number;
}

async function run(
  layers: ModelEntry[][] | Layer[],
  options: Partial<MergeOptions> & { placement?: 'any' | 'inline' } = {},
): Promise<Run> {
  const { placement = 'any', ...rest } = options;
  const sessions: MemorySession[] = [];
  const phases: MergePhase[] = [];
  const diagnostics: Diagnostic[] = [];
  const isStack = Array.isArray(layers[0]);
  const result = await mergeLayers({
    layers: isStack ? layersOf(layers as ModelEntry[][]) : (layers as Layer[]),
    openSession: async () => {
      const session = new MemorySession(placement);
      sessions.push(session);
      return session;
    },
    diagnose: (diagnostic) => diagnostics.push(diagnostic),
    observer: { phase: (phase) => phases.push(phase) },
    ...rest,
  });
  const session = sessions.at(-1) ?? new MemorySession(placement);
  const lines = listTree(result.tree, session.contents).map((line) => JSON.parse(line) as unknown[]);
  return {
    paths: lines.map((line) => line[0] as string),
    contents: Object.fromEntries(
      lines.filter((line) => line[1] === 'file').map((line) => [line[0], line[8] as string]),
    ),
    session,
    sessions,
    phases,
    codes: diagnostics.map(({ code }) => code),
    wastedBytes: result.wastedBytes,
    rereadBytes: result.rereadBytes,
  };
}

describe('mergeLayers', () => {
  it('gives contents to the sink during the scan, newest layer first, hidden ones not at all', async () => {
    const { contents, session, wastedBytes, phases } = await run([
      [file('a', 'old'), file('b', 'base'), file('gone', 'x')],
      [file('a', 'new'), member('.wh.gone')],
    ]);
    expect(contents).toEqual({ a: 'new', b: 'base' });
    expect(session.contents).toEqual(['new', 'base']);
    expect([wastedBytes, phases]).toEqual([0, ['scan', 'replay', 'finish']]);
  });

  it('keeps a hidden content that a newer hard link needs, without a second pass', async () => {
    const { contents, session, rereadBytes } = await run([
      [file('a', 'v0')],
      [hardlink('b', 'a')],
      [member('.wh.a')],
    ]);
    expect(contents).toEqual({ b: 'v0' });
    expect([session.placed, rereadBytes]).toEqual([['b'], 0]);
  });

  it('reads a skipped content again when a link of the same layer needs it', async () => {
    const { contents, phases, rereadBytes, codes } = await run([
      [file('a', 'v0'), hardlink('b', 'a')],
      [member('.wh.a')],
    ]);
    expect(contents).toEqual({ b: 'v0' });
    expect([phases, rereadBytes, codes]).toEqual([
      ['scan', 'replay', 'settle', 'finish'],
      2,
      ['content-reread'],
    ]);
  });

  it('counts contents that were stored in vain', async () => {
    const { contents, wastedBytes } = await run([[file('a', 'first'), file('a', 'second')]]);
    expect([contents, wastedBytes]).toEqual([{ a: 'second' }, 5]);
  });

  it('starts an inline sink again, in planned mode, when a placement was wrong', async () => {
    const stack = [[file('a', 'first'), file('a', 'second')]];
    const { contents, sessions, phases } = await run(stack, { placement: 'inline' });
    expect(contents).toEqual({ a: 'second' });
    expect(phases).toEqual(['scan', 'replay', 'place', 'finish']);
    expect(sessions.map(({ aborted, placed }) => [aborted, placed])).toEqual([
      [1, ['a', 'a']],
      [0, ['a']],
    ]);
  });

  it('places contents behind symlinked parents under their real path in planned mode', async () => {
    const stack = [[dir('usr'), dir('usr/lib'), symlink('lib', 'usr/lib')], [file('lib/x', 'x')]];
    const { session, codes } = await run(stack, { placement: 'inline' });
    expect(session.placed).toEqual(['usr/lib/x']);
    expect(codes).toContain('symlinked-parent');
  });

  it('refuses to rewind a pipe, and does not need to with planFirst', async () => {
    const stack = [[file('a', 'first'), file('a', 'second')]];
    await expect(run(stack, { placement: 'inline', rewindable: false })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_PLAN_REQUIRED',
      hint: expect.stringContaining('--plan-first') as string,
    });
    const { contents } = await run(stack, { placement: 'inline', rewindable: false, planFirst: true });
    expect(contents).toEqual({ a: 'second' });
  });

  it('streams large contents and assembles small ones from many chunks', async () => {
    const big = 'x'.repeat(3_000_000);
    const layer = layerOf(tarOf([file('big', big), file('small', 's'.repeat(70_000))]), [1000]);
    const { contents } = await run([layer]);
    expect(contents['big'] === big).toBe(true);
    expect(contents['small']).toHaveLength(70_000);
  });

  it('names the layer in errors and aborts the session', async () => {
    const layers = layersOf([[file('ok', '1')], [file('../../x', 'x')]]);
    const session = new MemorySession();
    await expect(mergeLayers({ layers, openSession: async () => session })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_PATH_ESCAPE',
      message: expect.stringContaining(layers[1]!.digest) as string,
    });
    expect(session.aborted).toBe(1);
  });

  it('prefers a digest mismatch to every other error', async () => {
    const good = layerOf(tarOf([file('a', '1')]));
    const bytes = tarOf([file('../../x', 'x')]);
    const wrong: Layer = {
      ...good,
      async *open() {
        yield bytes;
        throw new DigestMismatchError('blob', good.digest, 'sha256:00');
      },
    };
    await expect(run([wrong])).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
  });

  it('prefers a diff_id mismatch to what is wrong with the tar', async () => {
    const tar = Buffer.concat([tarOf([file('a', '1')]).subarray(0, 1024), Buffer.alloc(2_000_000, 'no tar')]);
    const layer = layerOf(gzipSync(tar), [100], 'application/vnd.oci.image.layer.v1.tar+gzip');
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    await expect(run([{ ...layer, diffId }])).rejects.toMatchObject({ code: 'ERR_OCIRENDER_FORMAT' });
    await expect(run([{ ...layer, diffId: layer.digest }])).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      message: expect.stringContaining('diff_id') as string,
    });
  });

  it('checks the diff_id', async () => {
    const tar = tarOf([file('a', '1')]);
    const layer: Layer = { ...layerOf(gzipSync(tar), [100], 'application/vnd.oci.image.layer.v1.tar+gzip') };
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    expect((await run([{ ...layer, diffId }])).contents).toEqual({ a: '1' });
    await expect(run([layer])).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      message: expect.stringContaining('diff_id') as string,
    });
  });

  it('a diff_id that its builder got wrong is called so, and accepted by lenient; a digest of its own promises nothing', async () => {
    const tar = tarOf([file('a', '1')]);
    const layer: Layer = { ...layerOf(gzipSync(tar), [100]), diffId: `sha256:${'0'.repeat(64)}` };
    await expect(run([layer])).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      message: expect.stringContaining("built wrong: the blob's digest is right") as string,
      hint: expect.stringContaining('--lenient') as string,
    });
    const noted: Diagnostic[] = [];
    const merged = await run([layer], {
      policy: { lenient: true },
      diagnose: (diagnostic) => noted.push(diagnostic),
    });
    expect(merged.contents).toEqual({ a: '1' });
    expect(noted.filter(({ code }) => code === 'diff-id-wrong')).toEqual([
      expect.objectContaining({
        code: 'diff-id-wrong',
        layer: layer.digest,
        message: expect.stringContaining('000, not sha256:') as string,
      }),
    ]);
    // Of a docker save, the diff_id is all that protects.
    await expect(
      run([{ ...layer, hasOwnDigest: true }], { policy: { lenient: true } }),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      hint: expect.stringContaining('fetch the image again') as string,
    });
  });

  it('obeys an abort', async () => {
    const controller = new AbortController();
    const session = new MemorySession();
    const layer = layerOf(tarOf([file('a', 'x'.repeat(100_000))]), [512]);
    const promise = mergeLayers({
      layers: [layer],
      openSession: async () => session,
      signal: controller.signal,
      observer: { layerBytes: (_, bytes) => bytes > 5000 && controller.abort() },
    });
    await expect(promise).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    expect(session.aborted).toBe(1);
  });

  it.each([
    ['entries', { entries: 2 }, [[file('a', ''), file('b', ''), file('c', '')]]],
    ['pathDepth', { pathDepth: 3 }, [[file('a/b/c/d', '')]]],
    ['pathBytes', { pathBytes: 10 }, [[file('abcdefghijkl', '')]]],
    ['totalBytes', { totalBytes: 5000 }, [[file('a', 'x'.repeat(6000))]]],
  ] as const)('meets the limit %s', async (limit, limits, stack) => {
    await expect(
      run(
        stack.map((layer) => [...layer]),
        { limits },
      ),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      message: expect.stringMatching(new RegExp(`limit ${limit}: `)) as string,
    });
    expect((await run(stack.map((layer) => [...layer]))).paths.length).toBeGreaterThan(1);
  });

  it('passes a sink error through as it is', async () => {
    const session = new MemorySession();
    session.write = async () => {
      throw new OcirenderError('ERR_OCIRENDER_IO', 'no space');
    };
    const promise = mergeLayers({ layers: layersOf([[file('a', '1')]]), openSession: async () => session });
    await expect(promise).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO', message: 'no space' });
  });
});

it.each([false, true])(
  'an SELinux label that only tar keeps is reported where it is lost: %s',
  async (keepsPax) => {
    const record = new Map([['RHT.security.selinux', Buffer.from('label')]]);
    const layer = layerOf(
      Buffer.concat([
        encodeTarHeader({ ...member('a'), size: 0, xattrs: new Map(), extraPax: record }),
        encodeTarHeader({
          ...member('b'),
          size: 0,
          xattrs: new Map(),
          extraPax: new Map([['x', Buffer.from('y')]]),
        }),
        END_OF_ARCHIVE,
      ]),
    );
    const session = Object.assign(new MemorySession(), { keepsPax });
    const { codes } = await run([layer], { openSession: async () => session });
    expect(codes).toEqual(keepsPax ? [] : ['pax-record-ignored']);
  },
);
