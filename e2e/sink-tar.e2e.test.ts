import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Tree, walkTree } from '../packages/interface/src/index.ts';
import {
  compareTrees,
  driveSession,
  expectedTree,
  FULL_CAPABILITIES,
  type SinkCapabilities,
  sinkContext,
} from '../packages/sink-compliance/src/index.ts';
import { SCENARIOS } from '../packages/sink-compliance/src/scenarios.ts';
import { tarSink } from '../packages/sink-tar/src/index.ts';
import { must } from './support/run.ts';
import { listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** What ext4 holds of all that a tar does. */
const CAPABILITIES: SinkCapabilities = {
  ...FULL_CAPABILITIES,
  xattrBytes: 3000,
  timeRange: [1 - 2 ** 31, 2 ** 34 - 2 ** 31 - 1],
};
/** bsdtar 3.6 reads the time `-0.25` as `0.75`, its own archives' too. */
const BSDTAR: SinkCapabilities = { ...CAPABILITIES, timeRange: [0, CAPABILITIES.timeRange[1]] };
/** bsdtar decodes long names, for the locale. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8' } as Record<string, string>;
const GO_UNTAR = fileURLToPath(new URL('fixtures/go-untar', import.meta.url));

let directory: string;
let goUntar: string;

beforeAll(async () => {
  directory = await makeDirectory();
  goUntar = join(directory, 'go-untar');
  const env = {
    ...ENVIRONMENT,
    GOCACHE: join(directory, 'go-cache'),
    GOFLAGS: '-mod=mod',
    GO111MODULE: 'on',
  };
  await must('go', ['build', '-o', goUntar, '.'], { cwd: GO_UNTAR, env });
});

afterAll(() => removeDirectory(directory));

const EXTRACTORS: Readonly<Record<string, (tar: string, into: string) => Promise<string>>> = {
  'GNU tar': (tar, into) => {
    const options = ['--acls', '--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner', '-p'];
    return must('tar', [...options, '-xf', tar, '-C', into], { env: ENVIRONMENT });
  },
  bsdtar: (tar, into) =>
    must('bsdtar', ['--acls', '--xattrs', '--numeric-owner', '--same-owner', '-p', '-xf', tar, '-C', into], {
      env: ENVIRONMENT,
    }),
  "Go's archive/tar": (tar, into) => must('sh', ['-c', '"$0" "$1" < "$2"', goUntar, into, tar]),
};

describe.each(SCENARIOS)('$name', ({ build }) => {
  test.each(Object.entries(EXTRACTORS))('extracted by %s', async (name, extract) => {
    const place = join(directory, 'scenario');
    const tree = join(place, 'tree');
    await mkdir(tree, { recursive: true });
    try {
      const capabilities = name === 'bsdtar' ? BSDTAR : CAPABILITIES;
      const planned = build(capabilities);
      const path = join(place, 'output.tar');
      const session = await tarSink.open(sinkContext(tarSink, { output: { kind: 'file', path } }));
      await driveSession(session, planned);
      await extract(path, tree);
      const found = compareTrees(await listTree(tree), expectedTree(planned, capabilities), capabilities);
      const excused = name === 'bsdtar' ? untimedByBsdtar(planned.tree) : [];
      expect(found.filter((line) => !excused.some((path) => line.startsWith(`/${path}: mtime `)))).toEqual(
        [],
      );
    } finally {
      await removeDirectory(place);
    }
  });
});

/** Directories that hold links which lead away: what suits GNU tar makes bsdtar lose their times (TarTreeWriter). */
function untimedByBsdtar(tree: Tree): string[] {
  const paths: string[] = [];
  for (const { path, inode } of walkTree(tree)) {
    if (inode.type !== 'symlink' || !/^\/|(?:^|\/)\.\.(?:\/|$)/.test(inode.target)) continue;
    paths.push(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
  }
  return paths;
}
