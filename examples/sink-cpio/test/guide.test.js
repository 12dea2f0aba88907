// The guide's code is this package's code.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const REPOSITORY = new URL('../../../', import.meta.url);
const guide = readFileSync(new URL('docs/writing-a-sink.md', REPOSITORY), 'utf8');
const snippets = [...guide.matchAll(/^```\w+ title="([^"]+)"\n(.*?)^```$/gms)].map(([, file, code]) => ({
  file: file ?? '',
  code: code ?? '',
  line: code?.trim().split('\n', 1)[0],
}));

test('the guide quotes files', () => {
  const files = new Set(snippets.map(({ file }) => file.replace('examples/sink-cpio/', '')));
  expect([...files].sort()).toEqual([
    'package.json',
    'packages/sink-erofs/package.json',
    'src/archive.js',
    'src/compliance.test.js',
    'src/destination.js',
    'src/newc.js',
    'src/sink.js',
  ]);
});

/**
 * Takes the indentation away: the guide shows parts of functions without theirs.
 *
 * @param {string} code
 */
const flat = (code) => code.trim().replaceAll(/^[ \t]+/gm, '');

test.each(snippets)('$file: $line', ({ file, code }) => {
  expect(flat(readFileSync(new URL(file, REPOSITORY), 'utf8'))).toContain(flat(code));
});

test('links lead to files', () => {
  const links = [...guide.matchAll(/\]\((\.\.\/[^)#]+)\)/g)].map(([, link]) => link ?? '');
  expect(links.length).toBeGreaterThan(5);
  for (const link of links)
    readFileSync(new URL(link.replace(/(sink-\w+)$/, '$1/package.json'), new URL('docs/', REPOSITORY)));
});

test('headings and the list of contents agree', () => {
  const listed = [...guide.matchAll(/^- \[([^\]]+)\]\(#/gm)].map(([, title]) => title);
  const headings = [...guide.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  expect(listed).toEqual(headings);
});
