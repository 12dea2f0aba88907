import { mkdtemp } from 'node:fs/promises';
import { must } from './run.ts';

/** Makes a directory on disk (`/tmp` may be small); give it to {@link removeDirectory}. */
export async function makeDirectory(): Promise<string> {
  return mkdtemp('/var/tmp/ocirender-e2e-');
}

/** Removes a directory of any depth and size. */
export async function removeDirectory(path: string): Promise<void> {
  await must('rm', ['-rf', path]);
}
