import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cpioSink } from '../examples/sink-cpio/src/sink.js';
import {
  compareTrees,
  driveSession,
  expectedTree,
  FULL_CAPABILITIES,
  type ReadEntry,
  type SinkCapabilities,
  sinkContext,
} from '../packages/sink-compliance/src/index.ts';
import { SCENARIOS } from '../packages/sink-compliance/src/scenarios.ts';
import { must } from './support/run.ts';
import { listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const CAPABILITIES: SinkCapabilities = {
  ...FULL_CAPABILITIES,
  nanoseconds: false,
  timeRange: [0, 2 ** 32 - 1],
  xattrPrefixes: [],
};
/** bsdtar decodes names, for the locale. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8' } as Record<string, string>;

let directory: string;

beforeAll(async () => {
  directory = await makeDirectory();
});

afterAll(() => removeDirectory(directory));

interface Extractor {
  readonly capabilities: SinkCapabilities;
  readonly extract: (archive: string, into: string) => Promise<string>;
  /** What it does not set, though the archive has it. */
  readonly neglects: (path: string, entry: ReadEntry) => readonly ('owner and mode' | 'time')[];
}

const EXTRACTORS: readonly (readonly [string, Extractor])[] = [
  [
    'GNU cpio',
    {
      // It makes each name of a symbolic link anew, as Linux does.
      capabilities: {
        ...CAPABILITIES,
        types: [...CAPABILITIES.types, 'socket'],
        hardLinks: CAPABILITIES.hardLinks.filter((type) => type !== 'symlink'),
      },
      extract: (archive, cwd) => must('sh', ['-c', 'cpio -idm --quiet < "$0"', archive], { cwd }),
      // Times of directories are set before their children come; directories that exist stay as they are.
      neglects: (path, { type }) =>
        path === '' ? ['owner and mode', 'time'] : type === 'directory' || type === 'symlink' ? ['time'] : [],
    },
  ],
  [
    'bsdtar',
    {
      capabilities: CAPABILITIES,
      extract: (archive, into) =>
        must('bsdtar', ['--numeric-owner', '--same-owner', '-p', '-xf', archive, '-C', into], {
          env: ENVIRONMENT,
        }),
      neglects: (path) => (path === '' ? ['time'] : []),
    },
  ],
];

describe.each(SCENARIOS)('$name', ({ build }) => {
  test.each(EXTRACTORS)('extracted by %s', async (_name, { capabilities, extract, neglects }) => {
    const place = join(directory, 'scenario');
    const tree = join(place, 'tree');
    await mkdir(tree, { recursive: true });
    try {
      const planned = build(capabilities);
      const path = join(place, 'output.cpio');
      const session = await cpioSink.open(sinkContext(cpioSink, { output: { kind: 'file', path } }));
      await driveSession(session, planned);
      await extract(path, tree);
      const found = await listTree(tree);
      const expected = new Map(
        [...expectedTree(planned, capabilities)].map(([path, entry]) => {
          const { mode, uid, gid, mtime, mtimeNs } = found.get(path) ?? entry;
          const neglected = neglects(path, entry);
          return [
            path,
            {
              ...entry,
              ...(neglected.includes('owner and mode') ? { mode, uid, gid } : {}),
              ...(neglected.includes('time') ? { mtime, mtimeNs } : {}),
            },
          ];
        }),
      );
      expect(compareTrees(found, expected, capabilities)).toEqual([]);
    } finally {
      await removeDirectory(place);
    }
  });
});
