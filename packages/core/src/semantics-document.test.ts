import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const document = fileURLToPath(new URL('../../../docs/semantics.md', import.meta.url));
const overlay = '../packages/overlay/src';

/** `[label](path) "title"`, `S "title"` or `model.test.ts "title"` in the last column. */
const REFERENCE = /(?:\[[^\]]*\]\(([^)]+)\)|(S)|(model\.test\.ts)) "([^"]+)"/g;

describe('docs/semantics.md', () => {
  it('names for each row a test that exists', async () => {
    const rows = (await readFile(document, 'utf8'))
      .split('\n')
      .filter((line) => /^\| (?!case |-)/.test(line));
    expect(rows.length).toBeGreaterThan(55);
    const missing: string[] = [];
    for (const row of rows) {
      const references = [...row.split(' | ').at(-1)!.matchAll(REFERENCE)];
      if (references.length === 0) missing.push(row);
      for (const [, path, semantics, , title] of references) {
        const file = path ?? `${overlay}/${semantics === 'S' ? 'semantics' : 'model'}.test.ts`;
        const source = await readFile(join(dirname(document), file), 'utf8');
        const titles =
          source.match(/(?:it|test|describe)(?:\.each\([\s\S]*?\))?\(\s*(?:'[^'\n]*'|"[^"\n]*")/g) ?? [];
        if (!titles.some((found) => found.endsWith(`${title}'`) || found.endsWith(`${title}"`)))
          missing.push(`${file}: ${title}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
