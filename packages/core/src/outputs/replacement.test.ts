import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Replacement } from './replacement.ts';

let directory: string;
const path = (name: string): string => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ocirender-replacement-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

it.each(['file', 'directory'] as const)(
  'of many %s outputs at once without force, one comes into place',
  async (kind) => {
    const runs = Array.from({ length: 20 }, (_, i) => {
      const temporary = path(`.tmp${i}`);
      if (kind === 'file') writeFileSync(temporary, String(i));
      else mkdirSync(join(temporary, String(i)), { recursive: true });
      return new Replacement({ target: path('out'), temporary, kind, force: false });
    });
    const results = await Promise.allSettled(runs.map((run) => run.apply()));
    const failed = results.filter((result) => result.status === 'rejected');
    expect(failed).toHaveLength(19);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: 'ERR_OCIRENDER_OUTPUT_EXISTS' });
    const winner = String(results.findIndex((result) => result.status === 'fulfilled'));
    expect(kind === 'file' ? readFileSync(path('out'), 'utf8') : readdirSync(path('out')).join()).toBe(
      winner,
    );
  },
);

it('gives the old one back when the new one cannot come into place', async () => {
  writeFileSync(path('out'), 'old');
  const failing = new Replacement({
    target: path('out'),
    temporary: path('absent'),
    kind: 'file',
    force: true,
  });
  await expect(failing.apply()).rejects.toMatchObject({ code: 'ENOENT' });
  expect(readdirSync(directory)).toEqual(['out']);
  expect(readFileSync(path('out'), 'utf8')).toBe('old');
});
