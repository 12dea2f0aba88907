import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../packages/interface/src/index.ts';
import { DEFAULT_LIMITS } from '../packages/overlay/src/index.ts';
import { END_OF_ARCHIVE, encodeTarHeader } from '../packages/tar-header/src/index.ts';
import { writeLayout } from './support/layout.ts';
import { type Finished, must, run } from './support/run.ts';
import { duePairs, FULL } from './support/sample.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

// "Limits whose default no sink can exceed within Node's default heap on a machine of 4 GB", docs/decisions/0051: each
// sink gets images that come as near to the limits as they can, in the heap that Node has there. A share of the limits
// takes that share of the heap, and what the program takes for itself.

/** Node's heap on a machine of 4 GB, in MiB. */
const HEAP = 2048;
/** What the program takes without entries, in MiB. */
const OWN_HEAP = 40;
const SHARE = FULL ? 1 : 0.1;
/** The sink `dir` makes each name durable, which takes it ten minutes for the two million that the limit allows. */
const DIR_SHARE = 0.1;
const SINKS = ['squashfs', 'ext4', 'erofs', 'tar'];

/** A share of the limits. */
interface Share {
  readonly share: number;
  readonly entries: number;
  readonly metadata: number;
}

function shareOf(share: number): Share {
  const { entries, metadataBytes } = DEFAULT_LIMITS;
  return { share, entries: entries * share, metadata: Math.floor(metadataBytes * share) };
}

const { entries: ENTRIES, metadata: METADATA } = shareOf(SHARE);

type Member = Partial<Entry> & Pick<Entry, 'path' | 'type'>;

/** Directories of a thousand names each. */
function* names(count: number, member: (path: string, i: number) => Member): Generator<Member> {
  for (let i = 0; count > 0; count--, i++) {
    if (i % 1000 === 0) yield { path: `d${i / 1000}`, type: 'directory' };
    else yield member(`d${Math.floor(i / 1000)}/${i % 1000}`, i);
  }
}

const ONE = Uint8Array.of(1);

/** Layers, oldest first. */
const SHAPES: Readonly<Record<string, (share: Share) => Generator<Member>[]>> = {
  directories: ({ entries }) => [names(entries, (path) => ({ path, type: 'directory' }))],
  'directories with long names': ({ entries, metadata }) => {
    const tail = 'n'.repeat(Math.floor(metadata / entries) - 12);
    return [names(entries, (path) => ({ path: path + tail, type: 'directory' }))];
  },
  'names that imply directories': ({ entries }) => [
    names(Math.floor(entries / 22), (path) => ({ path: `${path}/${'x/'.repeat(20)}f`, type: 'file' })),
  ],
  'attributes of their own': ({ metadata }) => [
    names(Math.floor(metadata / 1050), (path, i) => ({
      path,
      type: 'directory',
      xattrs: new Map([[`user.${i}`, ONE]]),
    })),
  ],
  'PAX records of their own': ({ metadata }) => [
    names(Math.floor(metadata / 540), (path, i) => ({
      path,
      type: 'file',
      extraPax: new Map([[`VENDOR.${i}`, ONE]]),
    })),
  ],
  'hard links to the layer below': ({ entries }) => [
    names(entries / 2, (path) => ({ path, type: 'file' })),
    names(entries / 2, (path) =>
      path.endsWith('/1') ? { path, type: 'file' } : { path: `${path}l`, type: 'hardlink', linkTarget: path },
    ),
  ],
};

let work: string;

beforeAll(async () => {
  work = await makeDirectory();
});

afterAll(() => removeDirectory(work));

const CASES: [shape: string, share: Share, sinks: string[]][] = [
  ...duePairs(Object.keys(SHAPES), SINKS).map(([shape, sinks]): [string, Share, string[]] => [
    shape,
    shareOf(SHARE),
    sinks,
  ]),
  ...(FULL ? Object.keys(SHAPES) : []).map((shape): [string, Share, string[]] => [
    shape,
    shareOf(DIR_SHARE),
    ['dir'],
  ]),
];

describe.each(CASES)('%s', (shape, limits, sinks) => {
  let image: string;

  beforeAll(async () => {
    image = join(work, shape.replaceAll(' ', '-'));
    await writeImage(image, SHAPES[shape]!(limits));
  });

  afterAll(() => must('rm', ['-rf', image]));

  test.each(sinks)('as many as the limits allow fit into the heap: %s', async (sink) => {
    const { code, stderr } = await convert(image, sink, limits.entries, limits.metadata, limits.share);
    expect([code, stderr]).toEqual([0, '']);
  });
});

describe('attribute values near the limit on metadata', () => {
  /** Bytes of a value: Linux shows none of more than 64 KiB. */
  const VALUE = 60_000;
  const COUNT = Math.floor(METADATA / (VALUE + 1050));
  /** What the process takes without an image: Node, the code, buffers of streams and compressors, in bytes. */
  const OWN_RSS = 170e6;
  let image: string;

  beforeAll(async () => {
    image = join(work, 'values');
    const value = (i: number): Uint8Array => {
      const bytes = Buffer.alloc(VALUE, i % 251);
      bytes.writeUInt32LE(i);
      return bytes;
    };
    await writeImage(image, [
      names(COUNT, (path, i) => ({ path, type: 'file', xattrs: new Map([['user.value', value(i)]]) })),
    ]);
  });

  // ext4 holds no such values at all.
  test.each(['squashfs', 'erofs', 'tar'])('take at most twice their size of memory: %s', async (sink) => {
    const { code, stderr, stdout } = await convert(image, sink, ENTRIES, METADATA);
    expect([code, stderr]).toEqual([0, '']);
    expect(Number(stdout)).toBeGreaterThan(20e6);
    expect(Number(stdout)).toBeLessThan(OWN_RSS + 2 * COUNT * VALUE);
  });

  test.each(['squashfs', 'ext4', 'erofs', 'tar', 'dir'])('are an error above it: %s', async (sink) => {
    const { code, stderr, stdout } = await convert(image, sink, ENTRIES, METADATA / 2);
    expect([code, stderr]).toEqual([1, sink === 'ext4' ? expect.any(String) : 'ERR_OCIRENDER_LIMIT']);
    expect(Number(stdout)).toBeLessThan(OWN_RSS + METADATA);
  });
});

test('one entry more is an error, not the end of the process', async () => {
  const image = join(work, 'one-more');
  await writeImage(image, [names(2001, (path) => ({ path, type: 'file' }))]);
  const { code, stderr } = await convert(image, 'ext4', 2000, METADATA);
  expect([code, stderr]).toEqual([1, 'ERR_OCIRENDER_LIMIT']);
});

/** Converts with the built packages, in a process of its own, which prints the peak of its resident memory. */
async function convert(
  image: string,
  sink: string,
  entries: number,
  metadataBytes: number,
  share = SHARE,
): Promise<Finished> {
  const dist = (name: string): string =>
    JSON.stringify(fileURLToPath(new URL(`../packages/${name}/dist/index.js`, import.meta.url)));
  const output = join(work, 'output');
  const settings = JSON.stringify({ image, output, limits: { entries, metadataBytes } });
  const program = [
    `import { convert } from ${dist('core')};`,
    `import { ${sink}Sink as sink } from ${dist(`sink-${sink}`)};`,
    `await convert({ sink, ...${settings} }).catch(({ code, message }) => {`,
    '  process.stderr.write(code ?? message);',
    '  process.exitCode = 1;',
    '});',
    // Peak of the resident memory, in bytes.
    'process.stdout.write(String(process.resourceUsage().maxRSS * 1024));',
  ].join('\n');
  const heap = `--max-old-space-size=${Math.ceil(HEAP * share) + OWN_HEAP}`;
  try {
    return await run(process.execPath, [heap, '--input-type=module', '-e', program]);
  } finally {
    await must('rm', ['-rf', output, `${output}.mtree`]);
  }
}

async function writeImage(directory: string, layers: readonly Generator<Member>[]): Promise<void> {
  const stored: { bytes: Uint8Array; mediaType: string }[] = [];
  for (const members of layers) {
    const path = join(work, 'layer');
    await pipeline(archive(members), createGzip({ level: 1 }), createWriteStream(path));
    const bytes = await readFile(path);
    stored.push({ bytes, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' });
  }
  await writeLayout(directory, stored);
}

function* archive(members: Generator<Member>): Generator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for (const member of members) {
    parts.push(
      encodeTarHeader({
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: 1_600_000_000,
        mtimeNs: 0,
        size: 0,
        linkTarget: '',
        devMajor: 0,
        devMinor: 0,
        xattrs: new Map(),
        ...member,
      }),
    );
    if (parts.length < 1000) continue;
    yield Buffer.concat(parts);
    parts = [];
  }
  yield Buffer.concat([...parts, END_OF_ARCHIVE]);
}
