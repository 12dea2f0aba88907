import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Compression, decompress, detectCompression } from '../packages/decompress/src/index.ts';
import { isOcirenderError } from '../packages/interface/src/index.ts';
import { isDue } from './support/sample.ts';

const STREAMS = fileURLToPath(new URL('../../shared/corpora/streams', import.meta.url));
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

/** Read although the tool refuses them: what the tool dislikes stands behind the data, or changes nothing in it. */
const MORE_LENIENT: ReadonlySet<string> = new Set([
  'libarchive-compat_lzma_1.tlz',
  'xz-bad-0cat-alone.xz',
  'zstd-zeroSeq_2B.zst',
]);

/** Refused although the tool may read them. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['ratarmount-nested-tar.skippable-frame.lz4', 'LZ4, of which zstd prints nothing'],
  ['ulikunitz-a_eos_and_size.lzma', 'lzma with a size and an end marker'],
  ['xz-good-1-arm64-lzma2-2.xz', 'filter newer than the library'],
  ['xz-good-known_size-with_eopm.lzma', 'lzma with a size and an end marker'],
  ['zstd-legacy-example.txt.v5.zst', 'zstd from before its format was settled'],
  ['zstd-legacy-example.txt.v7.zst', 'zstd from before its format was settled'],
  ['zstd-off0.bin.zst', 'against the specification; newer tools refuse it'],
  ['zstd-zeroSeq_2B.zst', 'against the specification; some versions refuse it'],
  ['zstd-zeroSeq_extraneous.zst', 'against the specification; newer tools refuse it'],
]);

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

/** Runs a tool without holding its output: one stream is 8 GiB of zeros. */
async function runTool(
  command: readonly string[],
  bytes: Uint8Array,
): Promise<{ accepted: boolean; sha256: string }> {
  const [tool, ...args] = command;
  const child = spawn(tool!, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const exit = once(child, 'close') as Promise<[number | null]>;
  // A tool that refuses its input early closes the pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(bytes);
  const hash = createHash('sha256');
  for await (const chunk of child.stdout) hash.update(chunk as Uint8Array);
  const [code] = await exit;
  // gzip exits with 2 when it only warns.
  return { accepted: code === 0 || (tool === 'gzip' && code === 2), sha256: hash.digest('hex') };
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

  // Gigabytes of zeros take minutes.
  const isLong = (name: string): boolean => name === 'ratarmount-zeros.xz';
  const names = present
    ? readdirSync(STREAMS)
        .sort()
        .filter((name) => !isLong(name) || isDue(0, 10))
    : [];
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
    const theirs = await runTool(TOOLS[detected], bytes);
    if (ours.error === undefined && (theirs.accepted || !MORE_LENIENT.has(name))) {
      expect([theirs.accepted, ours.sha256]).toEqual([true, theirs.sha256]);
    } else {
      expect(ours.error ?? 'read').toMatch(MORE_LENIENT.has(name) ? /./ : /^ERR_OCIRENDER_/);
      expect([name, theirs.accepted && !REFUSED.has(name)]).toEqual([name, false]);
    }
  });
});
