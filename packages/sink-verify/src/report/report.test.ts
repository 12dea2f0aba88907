import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFields } from '../parse-fields.ts';
import type { Comparison } from './comparison.ts';
import { jsonComparison } from './json-comparison.ts';
import { comparePaths } from './path-order.ts';
import { renderComparison } from './render-comparison.ts';

const EQUAL: Comparison = {
  equal: true,
  subject: { format: 'squashfs', names: 3 },
  reference: { format: 'dir', names: 1 },
  differences: [],
  differencesDropped: 0,
  counts: {},
  commonNames: 1,
  comparedFiles: 2,
  comparedBytes: 12,
  times: { stepNs: 1_000_000_000, minimum: 0, maximum: 4_294_967_295, approximated: 0 },
  ignoredFields: [],
  ignoredPaths: [],
  ignoredPathsDropped: 0,
  ignoredMetadata: [],
};

const DIFFERENT: Comparison = {
  ...EQUAL,
  equal: false,
  differences: [
    { path: '', kind: 'mode', subject: '0700', reference: '0755' },
    { path: 'a\n\u00ff', kind: 'only-in-subject', subject: 'file', reference: null },
    { path: 'b', kind: 'uid', subject: 0, reference: 5 },
    { path: 'b', kind: 'link-target', subject: 'x\u001b', reference: 'y' },
    { path: 'b', kind: 'link-group', subject: 'b', reference: 'a' },
    { path: 'b', kind: 'xattrs', attribute: 'user.\u0007', subject: null, reference: '0102' },
    { path: 'b', kind: 'content', subject: 'aa', reference: 'bb', offset: 17 },
    { path: 'c', kind: 'content', subject: 'aa', reference: 'bb' },
    { path: 'd', kind: 'only-in-reference', subject: null, reference: 'fifo' },
  ],
  differencesDropped: 4,
  counts: { 'only-in-subject': 1, content: 6 },
  ignoredFields: ['gid'],
  ignoredPaths: [
    { path: 'etc/hosts', side: 'both', reason: '--docker-export' },
    { path: '.dockerenv', side: 'subject', reason: '.docker*' },
  ],
  ignoredPathsDropped: 2,
  ignoredMetadata: ['times of /dev'],
  times: { ...EQUAL.times, approximated: 7 },
};

const LABELS = { subject: 'a.squashfs', reference: './b' };

test('an equal comparison for people', () => {
  expect([...renderComparison(EQUAL, LABELS)]).toEqual([
    'subject    a.squashfs (squashfs, 3 names)',
    'reference  ./b (dir, 1 name)',
    'compared   1 common name, contents of 2 files (12 bytes)',
    'equal',
  ]);
});

test('a different one: grouped by path, escaped, with all that was left out', () => {
  expect([...renderComparison(DIFFERENT, LABELS)]).toEqual([
    '/',
    '  mode         0700 | 0755',
    '/a\\x0a\\xff',
    '  only in the subject (file)',
    '/b',
    '  uid          0 | 5',
    '  link-target  x\\x1b | y',
    '  link-group   same file as /b | as /a',
    '  xattrs       user.\\x07: none | 0x0102',
    '  content      sha256 aa | bb; first difference at byte 17',
    '/c',
    '  content      sha256 aa | bb',
    '/d',
    '  only in the reference (fifo)',
    '… and 4 more differences',
    '',
    'subject    a.squashfs (squashfs, 3 names)',
    'reference  ./b (dir, 1 name)',
    'compared   1 common name, contents of 2 files (12 bytes)',
    'ignored    gid',
    'ignored    times of /dev',
    'left out   /etc/hosts (in both; --docker-export)',
    'left out   /.dockerenv (in the subject only; .docker*)',
    'left out   2 more names',
    'times      of 7 names are equal only in whole seconds and within what both forms can hold from 1970-01-01 to 2106-02-07',
    'different  13 differences: 1 only-in-subject, 6 content',
  ]);
});

test('JSON has readable text and rooted paths', () => {
  const { differences, ignoredPaths } = jsonComparison(DIFFERENT);
  expect(differences.map(({ path }) => path)).toEqual([
    '/',
    '/a\\x0a\\xff',
    '/b',
    '/b',
    '/b',
    '/b',
    '/b',
    '/c',
    '/d',
  ]);
  expect(differences[3]).toMatchObject({ subject: 'x\\x1b', reference: 'y' });
  expect(differences[4]).toMatchObject({ subject: '/b', reference: '/a' });
  expect(differences[5]).toMatchObject({ attribute: 'user.\\x07', subject: null, reference: '0102' });
  expect(ignoredPaths[0]).toMatchObject({ path: '/etc/hosts' });
});

test('lists of fields', () => {
  expect(parseFields(' uid, gid,,mtime')).toEqual(['uid', 'gid', 'mtime']);
  expect(() => parseFields('uid,owner')).toThrow(expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }));
});

test('paths are ordered component by component', () => {
  const part = fc.constantFrom('a', 'a-', 'a.', '\u0001', '\u00ff', 'b', '');
  const path = fc.array(
    part.filter((name) => name !== ''),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(path, path, (a, b) => {
      let expected = 0;
      for (let index = 0; expected === 0 && index < Math.max(a.length, b.length); index++) {
        const [x, y] = [a[index], b[index]];
        expected = x === y ? 0 : x === undefined ? -1 : y === undefined ? 1 : x < y ? -1 : 1;
      }
      expect(Math.sign(comparePaths(a.join('/'), b.join('/')))).toBe(expected);
    }),
  );
});
