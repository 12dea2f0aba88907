import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGE, makeSandbox, runCli, type Sandbox } from './run-cli.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await makeSandbox(['lines']);
  for (const name of ['image.tar', 'image.squashfs']) {
    const { code, stderr } = await runCli(sandbox, ['convert', IMAGE, '-o', name, '--progress', 'none']);
    if (code !== 0) throw new Error(stderr);
  }
  await writeFile(sandbox.path('one.lines'), 'LINES\na hello\nb same\nodd\u001bname x\n');
  await writeFile(sandbox.path('two.lines'), 'LINES\na hullo\nb same\nc more\n');
});
afterAll(() => sandbox.remove());

const verify = (...args: string[]): ReturnType<typeof runCli> => runCli(sandbox, ['verify', ...args]);

test.each([
  ['image.squashfs', IMAGE, 'squashfs', 'oci'],
  ['image.tar', 'image.squashfs', 'tar', 'squashfs'],
  [`oci:${IMAGE}`, 'tar:image.tar', 'oci', 'tar'],
])('%s and %s are equal', async (subject, reference, subjectFormat, referenceFormat) => {
  const { code, stdout, stderr } = await verify(subject, reference);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    `subject    ${subject} (${subjectFormat}, 29 names)`,
    `reference  ${reference} (${referenceFormat}, 29 names)`,
    'compared   29 common names, contents of 10 files (382199 bytes)',
    'equal',
    '',
  ]);
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const DIGESTS = { hello: sha256('hello'), hullo: sha256('hullo') };

test('differences: exit 3, a report by path, with a reader of a plugin', async () => {
  const { code, stdout, stderr } = await verify('one.lines', 'lines:two.lines');
  expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    '/a',
    `  content      sha256 ${DIGESTS.hello} | ${DIGESTS.hullo}; first difference at byte 1`,
    '/c',
    '  only in the reference (file)',
    '/odd\\x1bname',
    '  only in the subject (file)',
    '',
    'subject    one.lines (lines, 4 names)',
    'reference  lines:two.lines (lines, 4 names)',
    'compared   3 common names, contents of 2 files (9 bytes)',
    'different  3 differences: 1 only-in-subject, 1 only-in-reference, 1 content',
    '',
  ]);
});

test('--json prints the comparison alone and exits 3 too', async () => {
  const { code, stdout, stderr } = await verify('one.lines', 'two.lines', '--json');
  expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    equal: false,
    subject: { image: 'one.lines', format: 'lines', names: 4 },
    reference: { image: 'two.lines', format: 'lines', names: 4 },
    counts: { 'only-in-subject': 1, 'only-in-reference': 1, content: 1 },
  });
  expect(report.differences[0]).toEqual({
    path: '/a',
    kind: 'content',
    subject: DIGESTS.hello,
    reference: DIGESTS.hullo,
    offset: 1,
  });
});

test('what is ignored and left out does not count, and is listed', async () => {
  const args = ['one.lines', 'two.lines', '--ignore', 'content,uid', '--exclude', 'c', '--exclude', 'odd*'];
  const { code, stdout } = await verify(...args);
  expect(code).toBe(0);
  expect(stdout).toContain('ignored    content, uid\nleft out   /c (in the reference only; c)\n');
});

test('the older spelling', async () => {
  const { code, stdout } = await verify('--squashfs', 'one.lines', '--reference', '.', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout).error).toMatchObject({ code: 'ERR_OCIRENDER_TRUNCATED' });
  await mkdir(sandbox.path('rootfs'));
  const different = await verify('--squashfs', 'image.squashfs', '--reference', 'rootfs', '--json');
  expect(different.code).toBe(3);
  expect(JSON.parse(different.stdout)).toMatchObject({
    subject: { format: 'squashfs' },
    reference: { format: 'dir', names: 1 },
    counts: { 'only-in-subject': 28 },
  });
});

describe('usage errors exit 2', () => {
  test.each([
    [[], 'SUBJECT and REFERENCE are missing'],
    [['one.lines'], 'REFERENCE is missing'],
    [['one.lines', ''], 'names no image'],
    [['one.lines', 'two.lines', '--ignore', 'colour'], '"colour" is nothing that can be ignored'],
    [['one.lines', 'two.lines', '--exclude', '[a'], 'cannot be understood'],
    [['--squashfs', 'one.lines'], '--reference'],
    [['one.lines', '--squashfs', 'a', '--reference', 'b'], 'given twice'],
    [['one.lines', 'impostor:x'], 'the reader impostor of plugin @test/sink-lines 0.1.0 cannot be used'],
    [['one.lines', 'absent:x'], 'the reader absent of plugin @test/sink-lines 0.1.0 cannot be used'],
  ])('%j', async (args, says) => {
    const { code, stdout, stderr } = await verify(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).not.toContain('    at ');
  });
});

test('what cannot be read exits 1', async () => {
  await writeFile(sandbox.path('text'), 'neither this nor that');
  await writeFile(sandbox.path('cut.squashfs'), 'hsqs');
  for (const [args, reason] of [
    [['nowhere', 'one.lines'], 'ERR_OCIRENDER_NOT_FOUND'],
    [['text', 'one.lines'], 'ERR_OCIRENDER_FORMAT'],
    [['one.lines', 'cut.squashfs'], 'ERR_OCIRENDER_TRUNCATED'],
    [['one.lines', 'two.lines', '--max-total-size', '3'], 'ERR_OCIRENDER_LIMIT'],
  ] as const) {
    const { code, stdout } = await verify(...args, '--json');
    expect({ args, code, reason: JSON.parse(stdout).error.code }).toEqual({ args, code: 1, reason });
  }
});

test('--strict: what Linux would not read is an error, though we read it', async () => {
  const image = await readFile(sandbox.path('image.squashfs'));
  // Compressor 2 is lzma, which no kernel has; without --strict it fails at the first block instead.
  image.writeUInt16LE(2, 20);
  image.writeUInt16LE(image.readUInt16LE(24) & ~0x400, 24);
  await writeFile(sandbox.path('lzma.squashfs'), image);
  const ours = await verify('image.squashfs', IMAGE, '--strict', '--json');
  expect({ code: ours.code, equal: JSON.parse(ours.stdout).equal }).toEqual({ code: 0, equal: true });
  const { code, stdout } = await verify('lzma.squashfs', IMAGE, '--strict', '--json');
  expect({ code, error: JSON.parse(stdout).error }).toMatchObject({
    code: 1,
    error: {
      code: 'ERR_OCIRENDER_FORMAT',
      message: expect.stringContaining('Linux does not read') as string,
    },
  });
});

test('the sink verify: equal exits 0, different 3, with the report', async () => {
  const convert = (...args: string[]): ReturnType<typeof runCli> =>
    runCli(sandbox, ['convert', IMAGE, '--sink', 'verify', '--progress', 'none', ...args]);
  const equal = await convert('-O', 'reference=image.squashfs');
  expect({ code: equal.code, stdout: equal.stdout }).toEqual({ code: 0, stdout: '' });
  expect(equal.stderr).toContain('→ nothing (verify)');

  const different = await convert('-O', 'reference=one.lines', '-O', 'ignore=mtime');
  expect({ code: different.code, stdout: different.stdout }).toEqual({ code: 3, stdout: '' });
  expect(different.stderr).toContain('/odd\\x1bname\n  only in the reference (file)\n');
  expect(different.stderr).toMatch(/Error: the image differs from one\.lines: \d+ differences\n$/);

  const json = await convert('-O', 'reference=one.lines', '--json');
  expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 3, stderr: '' });
  expect(JSON.parse(json.stdout).error).toMatchObject({
    code: 'ERR_OCIRENDER_SINK_VERIFY_DIFFERENT',
    details: { equal: false, reference: { format: 'lines', names: 4 } },
  });
});
