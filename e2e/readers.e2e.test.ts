import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openMergedImage } from '../packages/core/src/index.ts';
import { ImageReader } from '../packages/interface/src/index.ts';
import { openImage } from '../packages/oci-layout/src/index.ts';
import {
  compareTrees,
  FULL_CAPABILITIES,
  type ReadTree,
  readImage,
  type SinkCapabilities,
} from '../packages/sink-compliance/src/index.ts';
import { openDirectory } from '../packages/sink-dir/src/index.ts';
import { openTar } from '../packages/sink-tar/src/index.ts';
import { asHeld, ensureImages, IMAGE_DIRECTORY, umociTree } from './support/images.ts';
import { must } from './support/run.ts';
import { listTree } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/** A tree of everything that a file system holds, made by system tools. */
const MAKE_TREE = String.raw`
set -eu
mkdir -p dir/sub empty 'sp ace' mounted
printf 'hello' > dir/file; : > dir/nothing; head -c 1500000 /dev/urandom > dir/large; echo s > secret
truncate -s 20M dir/sparse; printf x | dd of=dir/sparse bs=1 seek=10000000 conv=notrunc status=none
ln dir/file hard; ln dir/file dir/sub/hard; ln dir/nothing nothing
ln -s ../dir/file dir/sub/rel; ln -s /nowhere/at/all abs; ln -s . self
mknod null c 1 3; ln null null2; mknod disk b 259 70000; mknod fifo p; mknod zero c 0 0
printf odd > "$(printf 'new\nline')"; printf odd > "$(printf '\377\376')"; printf odd > 'ünïcödé'
printf odd > 'back\slash'; printf odd > "it's \"quoted\""; printf odd > -rf; printf odd > "$(printf 'l%.0s' $(seq 255))"
mkdir -p "$(printf 'deep/%.0s' $(seq 60))"
setfattr -n user.comment -v some dir/file; setfattr -n user.empty dir/nothing
setfattr -n user.binary -v 0x00ff0a3d dir; setfattr -n trusted.note -v t dir/large
setfattr -h -n trusted.link -v l abs; setfattr -n trusted.node -v n null; setfattr -n trusted.overlay.opaque -v y empty
setfacl -m u:1234:r-x,g:4321:rw-,m:rwx dir/sparse; setfacl -m u:99:rwx -d -m u:1234:r-x dir/sub
chown 1000:2000 dir/large; chown -h 3:4 abs; chown 4294967294:65536 fifo; chown 7:8 'sp ace'
setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 dir/large
chmod 4755 dir/nothing; chmod 1777 empty; chmod 0 hard secret; chmod 2070 'sp ace'
touch -d '1969-12-31T23:59:58.25Z' dir/nothing; touch -d '2100-01-01T00:00:00.123456789Z' dir/large
touch -h -d '2001-02-03T04:05:06.7Z' abs; touch -d '1999-01-01T00:00:00.000000001Z' null fifo
touch -d '2010-10-10T10:10:10.101010101Z' empty dir/sub dir .
`;

const KEEPS: SinkCapabilities = FULL_CAPABILITIES;

let place: string;
let tree: string;
let listed: ReadTree;

beforeAll(async () => {
  place = await makeDirectory();
  tree = join(place, 'tree');
  await mkdir(tree);
  await must('bash', ['-c', MAKE_TREE], { cwd: tree });
  listed = await listTree(tree);
});

afterAll(async () => {
  await removeDirectory(place);
});

/** Reads an image and closes it. */
async function readAndClose(image: ImageReader): Promise<ReadTree> {
  try {
    return await readImage(image);
  } finally {
    await image.close();
  }
}

describe('the directory reader', () => {
  test('finds what system calls tell', async () => {
    expect(listed.size).toBeGreaterThan(85);
    expect(compareTrees(await readAndClose(await openDirectory(tree)), listed, KEEPS)).toEqual([]);
  });

  test('goes into mounted file systems, and holds their inodes apart', async () => {
    const mounted = join(tree, 'mounted');
    await must('mount', ['-t', 'tmpfs', 'tmpfs', mounted]);
    try {
      await must('sh', ['-c', 'for i in 1 2 3; do echo $i > f$i; done; ln f1 f4; mkfifo p'], {
        cwd: mounted,
      });
      const found = await readAndClose(await openDirectory(tree));
      expect(compareTrees(found, await listTree(tree), KEEPS)).toEqual([]);
      expect(found.has('mounted/f4')).toBe(true);
    } finally {
      await must('umount', [mounted]);
    }
  });

  test('reads no more than this user may', async () => {
    const script = `
      const { openDirectory } = await import(process.argv[1]);
      const image = await openDirectory(process.argv[2]);
      const sparse = await image.stat('dir/sparse');
      const large = await image.stat('dir/large');
      const failed = async (action) => action().then(() => 'none', ({ code }) => code);
      const read = async () => { for await (const _ of image.read('secret')); };
      console.log(image.source.facts.isRoot, [...sparse.xattrs.keys(), ...large.xattrs.keys()].join());
      console.log(await failed(read), await failed(() => image.stat('hard')));`;
    const module = new URL('../packages/sink-dir/dist/index.js', import.meta.url).href;
    const options = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    await must('chmod', ['755', place]);
    const said = await must('setpriv', [
      ...options,
      process.execPath,
      '--input-type=module',
      '-e',
      script,
      module,
      tree,
    ]);
    // Nobody but root sees trusted attributes, and user attributes need the right to read.
    expect(said).toBe(
      'false system.posix_acl_access,security.capability\nERR_OCIRENDER_IO ERR_OCIRENDER_IO\n',
    );
  });
});

describe('the tar reader', () => {
  const PACKERS: Readonly<Record<string, (output: string) => Promise<string>>> = {
    'GNU tar': (output) => {
      const options = [
        '--xattrs',
        '--xattrs-include=*',
        '--acls',
        '-H',
        'posix',
        '--numeric-owner',
        '--sparse',
      ];
      return must('tar', [...options, '-cf', output, '-C', tree, '.']);
    },
    bsdtar: (output) => {
      const options = ['--xattrs', '--acls', '--format=pax', '--numeric-owner'];
      const env = { ...process.env, LC_ALL: 'C.UTF-8' } as Record<string, string>;
      return must('bsdtar', [...options, '-cf', output, '-C', tree, '.'], { env });
    },
  };

  describe.each(Object.entries(PACKERS))('%s', (name, pack) => {
    let tar: string;
    let wanted: ReadTree;

    beforeAll(async () => {
      tar = join(place, `${name}.tar`);
      await pack(tar);
      wanted = asPacked(name === 'bsdtar');
    });

    test.each([
      ['plain', undefined],
      ['gzip', ['gzip', '-1']],
      ['zstd', ['zstd', '-q', '-1']],
      ['xz', ['xz', '-0']],
      ['bzip2', ['bzip2', '-1']],
    ])('%s', async (_, compress) => {
      const archive = compress === undefined ? tar : `${tar}.packed`;
      if (compress !== undefined) {
        await must('sh', ['-c', `${compress.join(' ')} -c < "$1" > "$2"`, 'sh', tar, archive]);
      }
      const image = await openTar(archive);
      expect(image.source.randomAccess).toBe(compress === undefined);
      expect(compareTrees(await readAndClose(image), wanted, KEEPS)).toEqual([]);
    });
  });

  test('old formats', async () => {
    const root = join(place, 'old');
    await mkdir(root);
    await must(
      'sh',
      ['-c', 'mkdir d; echo text > d/f; ln d/f l; ln -s d s; touch -d @1000000000 d/f d .; touch -h -d @1 s'],
      {
        cwd: root,
      },
    );
    const expected = await listTree(root);
    for (const format of ['v7', 'oldgnu', 'gnu', 'ustar']) {
      const archive = join(place, `${format}.tar`);
      await must('tar', ['-H', format, '-cf', archive, '-C', root, '.']);
      expect([format, compareTrees(await readAndClose(await openTar(archive)), expected, KEEPS)]).toEqual([
        format,
        [],
      ]);
    }
  });
});

describe('the OCI source', () => {
  test('of debian is the directory that umoci makes', async () => {
    await ensureImages(['debian']);
    const layout = join(IMAGE_DIRECTORY, 'debian');
    const target = join(place, 'umoci');
    const reference = await umociTree(layout, target);
    const image = await openImage(`${layout}:latest`);
    const merged = await readAndClose(new ImageReader(await openMergedImage(image)));
    expect(merged.size).toBeGreaterThan(3000);
    expect(compareTrees(merged, asHeld(reference, merged, false), KEEPS)).toEqual([]);
    const read = await readAndClose(await openDirectory(target));
    expect(compareTrees(read, asHeld(reference, read, false), KEEPS)).toEqual([]);
  });
});

/** What the packers keep: no hard links of devices. */
function asPacked(byBsdtar: boolean): ReadTree {
  return new Map(
    [...listed].map(([path, entry]) => {
      if (path === 'null2') return [path, { ...entry, inode: 'another' }];
      // Seconds of -1.75 come from bsdtar 3.6 as "-2.25".
      return [path, byBsdtar && entry.mtime === -2 ? { ...entry, mtime: -3, mtimeNs: 750_000_000 } : entry];
    }),
  );
}
