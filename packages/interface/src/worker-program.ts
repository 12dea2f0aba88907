import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * Finds the program of a worker thread: a module of a package that lies built beside the calling one, also where that runs
 * from its sources.
 *
 * @param name - as the package exports it, `@ocirender/decompress/input-worker`
 * @param from - `import.meta.url` of a module of the same package
 * @returns undefined when it is not there, as in a bundle of one file
 */
export function findWorkerProgram(name: string, from: string): URL | undefined {
  try {
    return pathToFileURL(createRequire(from).resolve(name));
  } catch {
    return undefined;
  }
}
