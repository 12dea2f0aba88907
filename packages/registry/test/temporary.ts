import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

/** Makes an empty directory that lasts as long as the test file runs. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-registry-'));
  temporary.push(directory);
  return directory;
}
