import { truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { archive, bytesOf, codeOf, fileOf, type Member } from '../../test/archives.ts';
import { type OpenTarOptions, openTar } from './tar-reader.ts';

async function opened(bytes: Uint8Array, options: OpenTarOptions = {}): Promise<void> {
  await (await openTar(fileOf(bytes), options)).close();
}

const link = (path: string, linkTarget: string): Member => ({ path, type: 'symlink', linkTarget });
const hard = (path: string, linkTarget: string): Member => ({ path, type: 'hardlink', linkTarget });

describe('members that no tool could extract', () => {
  test.each<[string, string, Member[]]>([
    ['a path out of the root', 'ERR_OCIRENDER_PATH_ESCAPE', [{ path: '../x' }]],
    ['a path out of the root behind a directory', 'ERR_OCIRENDER_PATH_ESCAPE', [{ path: 'a/../../x' }]],
    ['a hard link out of the root', 'ERR_OCIRENDER_PATH_ESCAPE', [{ path: 'a' }, hard('b', '../a')]],
    ['a path below a file', 'ERR_OCIRENDER_CONFLICT', [{ path: 'a' }, { path: 'a/b' }]],
    [
      'a path below a link to a file',
      'ERR_OCIRENDER_CONFLICT',
      [{ path: 'a' }, link('l', 'a'), { path: 'l/b' }],
    ],
    ['a root that is a file', 'ERR_OCIRENDER_CONFLICT', [{ path: '.' }]],
    ['a root that is a hard link', 'ERR_OCIRENDER_CONFLICT', [{ path: 'a' }, hard('./', 'a')]],
    ['a hard link to nothing', 'ERR_OCIRENDER_INVALID_HARDLINK', [hard('a', 'b')]],
    ['a hard link to what comes later', 'ERR_OCIRENDER_INVALID_HARDLINK', [hard('a', 'b'), { path: 'b' }]],
    ['a hard link to itself alone', 'ERR_OCIRENDER_INVALID_HARDLINK', [hard('a', 'a')]],
    ['a hard link below a file', 'ERR_OCIRENDER_INVALID_HARDLINK', [{ path: 'a' }, hard('b', 'a/c')]],
    ['a hard link to a directory', 'ERR_OCIRENDER_INVALID_HARDLINK', [{ path: 'd/x' }, hard('b', 'd')]],
    ['a hard link to the root', 'ERR_OCIRENDER_INVALID_HARDLINK', [hard('b', '.')]],
    ['links in a circle', 'ERR_OCIRENDER_SYMLINK_LOOP', [link('a', 'b'), link('b', 'a'), { path: 'a/x' }]],
    ['a link to itself', 'ERR_OCIRENDER_SYMLINK_LOOP', [link('a', 'a'), { path: 'a/x' }]],
    ['a link below itself', 'ERR_OCIRENDER_SYMLINK_LOOP', [link('a', 'a/b'), { path: 'a/x' }]],
  ])('%s', async (_, code, members) => {
    expect(await codeOf(opened(archive(...members)))).toBe(code);
    expect(await codeOf(opened(gzipSync(archive(...members))))).toBe(code);
  });

  test('the error names archive and member', async () => {
    const path = fileOf(archive({ path: 'a\n' }, { path: 'a\n/b' }));
    await expect(openTar(path)).rejects.toThrow(`${path}: "a\\x0a/b" lies below "a\\x0a", which is a file`);
  });
});

describe('what is no tar', () => {
  test.each<[string, string, Uint8Array]>([
    ['text', 'ERR_OCIRENDER_FORMAT', Buffer.alloc(4096, 'this is no archive ')],
    ['a short text', 'ERR_OCIRENDER_TRUNCATED', Buffer.from('short')],
    ['a tar cut in a header', 'ERR_OCIRENDER_TRUNCATED', archive({ path: 'a' }).subarray(0, 300)],
    [
      'a tar cut in a content',
      'ERR_OCIRENDER_TRUNCATED',
      archive({ path: 'a', data: 'x'.repeat(900) }).subarray(0, 900),
    ],
    [
      'a tar cut in a long content',
      'ERR_OCIRENDER_TRUNCATED',
      archive({ path: 'a', data: 'x'.repeat(900_000) }).subarray(0, 800_000),
    ],
    ['half a gzip', 'ERR_OCIRENDER_TRUNCATED', gzipSync(archive({ path: 'a', data: 'x' })).subarray(0, 60)],
    ['gzip of text', 'ERR_OCIRENDER_FORMAT', gzipSync(Buffer.alloc(2000, 'text'))],
  ])('%s', async (_, code, bytes) => {
    expect(await codeOf(opened(bytes))).toBe(code);
  });

  test('the error says where', async () => {
    const path = fileOf(Buffer.alloc(1024, 'x'));
    await expect(openTar(path)).rejects.toMatchObject({
      name: 'FormatError',
      offset: 0,
      message: `${path}: tar: a header with a wrong checksum (at byte 0)`,
    });
  });

  test('no file, a directory, a device', async () => {
    const path = fileOf(archive());
    expect(await codeOf(openTar(`${path}.missing`))).toBe('ERR_OCIRENDER_IO');
    expect(await codeOf(openTar(dirname(path)))).toBe('ERR_OCIRENDER_IO');
    expect(await codeOf(openTar('/dev/null'))).toBe('ERR_OCIRENDER_IO');
  });

  test('an empty file and a file of zeros are empty archives, as GNU tar has it', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(10_240)]) {
      const image = await openTar(fileOf(bytes));
      expect(await image.list('')).toEqual([]);
      await image.close();
    }
  });
});

describe('limits', () => {
  const members = Array.from({ length: 20 }, (_, index) => ({ path: `name-${index}`, data: 'x' }));
  const deep = [{ path: `${'d/'.repeat(30)}f` }];
  // Each step through the link goes 20 levels deeper than is spelled.
  const nested = [
    { path: `${'a/'.repeat(20)}f` },
    link('l', 'a/'.repeat(20)),
    { path: `l/${'b/'.repeat(15)}f` },
  ];
  test.each<[string, Member[], OpenTarOptions['limits']]>([
    ['entries', members, { entries: 19 }],
    ['entries', deep, { entries: 30 }],
    ['metadataBytes', members, { metadataBytes: 100 }],
    ['pathDepth', deep, { pathDepth: 29 }],
    ['pathDepth', nested, { pathDepth: 30 }],
    ['pathBytes', deep, { pathBytes: 50 }],
    ['maxOutputBytes', members, { maxOutputBytes: 5000 }],
  ])('%s', async (limit, entries, limits) => {
    const path = fileOf(gzipSync(archive(...entries)));
    await expect(openTar(path, { limits: limits! })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_LIMIT',
      limit,
      message: expect.stringContaining(path) as string,
    });
    await (await openTar(path)).close();
  });

  test('holes of any size cost nothing', async () => {
    const size = Number.MAX_SAFE_INTEGER;
    const path = fileOf(gzipSync(archive({ path: 'hole', size, extents: [] })));
    const image = await openTar(path);
    expect(await image.stat('hole')).toMatchObject({ size });
    expect((await image.stat('hole')).sha256).toBeUndefined();
    const chunks: unknown[] = [];
    for await (const chunk of image.read('hole')) chunks.push(chunk);
    expect(chunks).toEqual([{ hole: size }]);
    await image.close();
  });
});

describe('a file that changes after it was opened', () => {
  const bytes = archive({ path: 'a', data: 'x'.repeat(100_000) }, { path: 'b', data: 'y' });

  test('cut short', async () => {
    for (const whole of [bytes, gzipSync(bytes)]) {
      const path = fileOf(whole);
      const image = await openTar(path);
      truncateSync(path, 100);
      expect(await codeOf(bytesOf(image.read('b')))).toBe('ERR_OCIRENDER_TRUNCATED');
      await image.close();
    }
  });

  test('another archive', async () => {
    const path = fileOf(gzipSync(bytes));
    const image = await openTar(path);
    writeFileSync(path, gzipSync(archive({ path: 'c' }, { path: 'd' })));
    expect(await codeOf(bytesOf(image.read('b')))).toBe('ERR_OCIRENDER_FORMAT');
    await image.close();
  });

  test('closed', async () => {
    const image = await openTar(fileOf(bytes));
    const file = await image.stat('a');
    await image.close();
    expect(await codeOf(bytesOf(image.source.content(file)))).toBe('ERR_OCIRENDER_IO');
  });
});

test('any changed byte gives an image or a typed error, and reading it too', async () => {
  const whole = archive(
    { path: 'dir', type: 'directory' },
    { path: `dir/${'long'.repeat(40)}`, data: 'text', xattrs: new Map([['user.a', Buffer.from('1')]]) },
    { path: 'sparse', size: 4096, data: 'x'.repeat(512), extents: [{ offset: 1024, length: 512 }] },
    link('l', 'dir'),
    hard('h', 'sparse'),
  );
  const edit = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (edits, isCompressed) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of edits) bytes[at] = byte;
        try {
          const image = await openTar(fileOf(isCompressed ? gzipSync(bytes) : bytes));
          try {
            for await (const { node } of image.walk()) {
              // A changed size can declare a hole of petabytes.
              if (node.type === 'file') await bytesOf(image.source.content(node, { end: 1_000_000 }));
            }
          } finally {
            await image.close();
          }
        } catch (error) {
          expect(isOcirenderError(error), String((error as Error).stack)).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
});
