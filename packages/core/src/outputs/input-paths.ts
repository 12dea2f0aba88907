import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseSource } from '@ocirender/sources';

/**
 * Names the files and directories that an image is read from.
 *
 * @param image - as the user gave it
 * @returns none for standard input and registries
 * @throws {OcirenderError} as `parseSource`
 */
export async function inputPaths(image: string): Promise<string[]> {
  const source = parseSource(image);
  switch (source.kind) {
    case 'directory':
    case 'archive':
      return [source.reference.directory];
    case 'overlay2':
      return [source.directory, ...(await layersBelow(source.directory))];
    default:
      return [];
  }
}

/** The file `lower` names the layers below, from the storage's directory: `l/ABC:l/DEF`. */
async function layersBelow(directory: string): Promise<string[]> {
  const lower = await readFile(join(directory, 'lower'), 'utf8').catch(() => '');
  return lower
    .trim()
    .split(':')
    .filter((name) => name !== '')
    .map((name) => join(dirname(directory), name));
}
