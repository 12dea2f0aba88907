/** @import { Diagnostic } from '@ocirender/interface' */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { driveSession, sinkContext, TreeBuilder, textContent } from '@ocirender/sink-compliance';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCpio } from '../test/read-cpio.js';
import { cpioSink } from './sink.js';

/** @type {string} */
let directory;
/** @type {string} */
let path;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sink-cpio-'));
  path = join(directory, 'out.cpio');
});
afterEach(() => rm(directory, { recursive: true }));

/**
 * @param {TreeBuilder} builder
 * @param {Record<string, unknown>} [options]
 */
async function write(builder, options = {}) {
  /** @type {Diagnostic[]} */
  const diagnostics = [];
  const output = /** @type {const} */ ({ kind: 'file', path });
  const session = await cpioSink.open(sinkContext(cpioSink, { output, options, diagnostics }));
  try {
    return { report: await driveSession(session, builder.build()), diagnostics };
  } catch (error) {
    await session.abort(error);
    throw error;
  }
}

test('the bytes of a small archive', async () => {
  const owner = { uid: 1000, gid: 100, mtime: 0x6000_0000 };
  const builder = new TreeBuilder({ mtime: 1 })
    .file('file', textContent('hello'), { ...owner, mode: 0o640 })
    .link('again', 'file')
    .symlink('link', 'file', { ...owner, mtimeNs: 5 });
  const { report, diagnostics } = await write(builder);
  expect(diagnostics).toEqual([]);
  expect(report).toEqual({ bytesWritten: 1024, details: { members: 4, timesTruncated: 1 } });
  // One number after the other: inode, mode, uid, gid, links, mtime, size, 2 of the device, 2 of a device, name, check.
  const zeros = '00000000'.repeat(4);
  const file = '000081a0000003e8000000640000000260000000';
  const expected = [
    `07070100000001000041ed00000000000000000000000200000001${'00000000'}${zeros}0000000200000000.\0`,
    `07070100000002${file}00000000${zeros}0000000600000000again\0`,
    `07070100000002${file}00000005${zeros}0000000500000000file\0\0hello\0\0\0`,
    `070701000000030000a1ff000003e800000064000000016000000000000004${zeros}0000000500000000link\0\0file`,
    `07070100000000000000000000000000000000000000010000000000000000${zeros}0000000b00000000TRAILER!!!\0`,
  ];
  const text = expected.map((member) => member.padEnd(Math.ceil(member.length / 4) * 4, '\0')).join('');
  expect(await readFile(path, 'latin1')).toBe(text.padEnd(1024, '\0'));
});

test('a file with the name of the end does not end the archive', async () => {
  await write(
    new TreeBuilder()
      .file('TRAILER!!!', textContent('x'))
      .file('usr/TRAILER!!!')
      .file('zebra', textContent('z')),
  );
  expect([...(await readCpio(path)).keys()].sort()).toEqual([
    '',
    'TRAILER!!!',
    'usr',
    'usr/TRAILER!!!',
    'zebra',
  ]);
});

test('a file of 4 GiB is refused before anything of it is read', async () => {
  const huge = {
    size: 2 ** 32,
    fill: () => {
      throw new Error('it was read');
    },
  };
  await expect(write(new TreeBuilder().file('var/huge', huge))).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_SINK_CPIO_LIMIT',
    message: 'var/huge: 4294967296 does not fit into a cpio archive, whose numbers have 32 bits',
    hint: expect.stringContaining('squashfs'),
  });
});

test('what cannot be held is said', async () => {
  const xattrs = new Map([['user.a\nb', Buffer.from('1')]]);
  const { report, diagnostics } = await write(
    new TreeBuilder()
      .file('early', textContent('e'), { mtime: -1, mtimeNs: 7, xattrs })
      .link('same', 'early')
      .symlink('late', 'x', { mtime: 2 ** 32 }),
  );
  expect(diagnostics.map(({ code, path, message }) => [code, path, message])).toEqual([
    ['xattr-dropped', 'same', 'same: a cpio archive cannot hold the attribute user.a\\x0ab'],
    ['time-clamped', 'same', 'same: a cpio archive cannot hold mtime -1, stored as 0'],
    ['time-clamped', 'late', 'late: a cpio archive cannot hold mtime 4294967296, stored as 4294967295'],
  ]);
  expect(report.details['timesTruncated']).toBe(0);
});

test('-O init', async () => {
  await write(new TreeBuilder().file('bin/sh', textContent('sh')), { init: '/bin/sh' });
  expect((await readCpio(path)).get('init')).toMatchObject({
    type: 'symlink',
    target: '/bin/sh',
    mtime: 0,
    uid: 0,
  });
  await rm(path);
  const invalid = { code: 'ERR_OCIRENDER_INVALID_OPTION' };
  await expect(write(new TreeBuilder(), { init: '' })).rejects.toMatchObject(invalid);
  await expect(write(new TreeBuilder().file('init'), { init: '/bin/sh' })).rejects.toMatchObject({
    ...invalid,
    message: 'the image has a /init of its own',
  });
});

test('an existing file is not touched', async () => {
  await writeFile(path, 'mine');
  await expect(write(new TreeBuilder())).rejects.toMatchObject({ code: 'ERR_OCIRENDER_IO' });
  expect(await readFile(path, 'utf8')).toBe('mine');
});

test('an output of another kind', async () => {
  const context = sinkContext(cpioSink, { output: { kind: 'none' } });
  await expect(cpioSink.open(context)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
});
