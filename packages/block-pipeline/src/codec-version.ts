import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Names the library that compresses, with everything that its output depends on besides options: what one library has compressed is
 * what another of the same name would have.
 *
 * @param library - `zlib` or `zstd` of node:zlib, or the absolute path of a module of a package
 * @returns undefined when its version cannot be told
 */
export function codecVersion(library: string): string | undefined {
  const version =
    library === 'zlib' || library === 'zstd' ? process.versions[library] : packageVersion(library);
  // zlib, for one, searches otherwise on other processors.
  return version === undefined ? undefined : `${process.arch} ${version}`;
}

function packageVersion(module: string): string | undefined {
  for (let at = dirname(module); at !== dirname(at); at = dirname(at)) {
    const text = readText(join(at, 'package.json'));
    const { name, version } =
      text === undefined ? {} : (JSON.parse(text) as { name?: string; version?: string });
    if (version !== undefined) return `${name}@${version}`;
  }
  return undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
