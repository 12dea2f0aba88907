import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Compression, decompress, detectCompression } from '../packages/decompress/src/index.ts';
import { isOcirenderError } from '../packages/interface/src/index.ts';

const STREAMS = fileURLToPath(new URL('../../shared/corpora/streams', import.meta.url));
const MAX_OUTPUT = 2 ** 30;

const TOOLS: Readonly<Record<Exclude<Compression, 'none'>, readonly string[]>> = {
  gzip: ['gzip', '-dc'],
  zstd: ['zstd', '-dcq', '--long=31'],
  bzip2: ['bzip2', '-dc'],
  xz: ['xz', '-dc'],
  lzma: ['xz', '--format=lzma', '-dc'],
};

const EXTENSIONS: readonly (readonly [RegExp, Exclude<Compression, 'none'>])[] = [
  [/\.(gz|tgz|bgz|igz|migz|pigz|pgzf)$/, 'gzip'],
  [/\.zst$/, 'zstd'],
  [/\.t?bz2$/, 'bzip2'],
  [/\.xz$/, 'xz'],
  [/\.lzma$/, 'lzma'],
];

/**
 * Read in full although the tool refuses them. The tool is stricter about what stands around the data; none of
 * it can change what comes out.
 */
const MORE_LENIENT: ReadonlySet<string> = new Set([]);

/** Refused although the tool reads them, with the reason. */
const REFUSED: ReadonlyMap<string, string> = new Map([]);

interface Reading {
  readonly sha256: string;
  readonly length: number;
  readonly error: string | undefined;
  readonly diagnostics: readonly string[];
}

async function read(bytes: Uint8Array, compression: Compression): Promise<Reading> {
  const hash = createHash('sha256');
  const diagnostics: string[] = [];
  let length = 0;
  let error: string | undefined;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  };
  const mediaType = `application/vnd.oci.image.layer.v1.tar${compression === 'none' ? '' : `+${compression}`}`;
  try {
    for await (const chunk of decompress(source(), {
      mediaType,
      diagnose: (d) => diagnostics.push(d.code),
    })) {
      hash.update(chunk);
      length += chunk.length;
    }
  } catch (thrown) {
    if (!isOcirenderError(thrown)) throw thrown;
    error = thrown.code;
  }
  return { sha256: hash.digest('hex'), length, error, diagnostics };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const present = existsSync(STREAMS);
if (!present) console.warn(`skipped: the corpus ${STREAMS} is not there`);

describe.skipIf(!present)('every stream of the corpus is read as its own tool reads it, or refused', () => {
  beforeAll(() => {
    for (const [tool] of Object.values(TOOLS)) execFileSync(tool!, ['--version'], { stdio: 'ignore' });
  });

  const names = present ? readdirSync(STREAMS).sort() : [];
  test.each(names)('%s', async (name) => {
    const bytes = readFileSync(`${STREAMS}/${name}`);
    const named = EXTENSIONS.find(([pattern]) => pattern.test(name))?.[1];
    const detected = detectCompression(bytes) ?? named ?? 'none';
    if (detected === 'none') {
      expect(await read(bytes, 'none')).toEqual({
        sha256: sha256(bytes),
        length: bytes.length,
        error: undefined,
        diagnostics: [],
      });
      return;
    }
    const ours = await read(bytes, detected);
    const [tool, ...args] = TOOLS[detected];
    const theirs = spawnSync(tool!, args, { input: bytes, maxBuffer: MAX_OUTPUT });
    // gzip exits with 2 when it only warns.
    const accepted = theirs.status === 0 || (detected === 'gzip' && theirs.status === 2);
    console.log(
      'ROW',
      name,
      detected,
      theirs.status,
      theirs.stderr.toString().slice(0, 90).trim(),
      '|',
      ours.length,
      ours.error,
      ours.diagnostics.join(),
    );
  });
});
