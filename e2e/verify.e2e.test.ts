import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convertWithCli, ocirender } from './support/cli.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { writeLayout } from './support/layout.ts';
import { must } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

/**
 * `good` is a real image with a few special files more, `bad` a copy with one fault of each kind; both as directory, tar
 * archive, squashfs image (made by mksquashfs) and OCI image.
 */
let directory: string;
const at = (name: string): string => join(directory, name);

/** What the image lacks. */
const MORE = `
mkdir opt/more
echo linked > opt/more/one; ln opt/more/one opt/more/two; ln opt/more/one opt/more/three
mknod opt/more/char c 1 3; mknod opt/more/block b 7 1; mkfifo opt/more/fifo; ln -s nowhere/at-all opt/more/link
echo x > opt/more/attributes; setfattr -n user.value -v 0x00ff opt/more/attributes; setfattr -n user.gone -v a opt/more/attributes
head -c 3000000 /dev/urandom > opt/more/large; cp -p opt/more/large opt/more/longer
for name in mode uid gid time type gone; do echo $name > opt/more/$name; done
find opt -exec touch -h -d @1700000000 {} +
`;

/** One fault of each kind: the smallest there is. */
const FAULTS = `
chmod 0645 opt/more/mode
chown -h 1 opt/more/uid
chgrp -h 1 opt/more/gid
touch -d @1700000001 opt/more/time
rm opt/more/type; mkfifo -m 0644 opt/more/type
rm opt/more/gone; echo new > opt/more/new
ln -sfn nowhere/at-alm opt/more/link
rm opt/more/three; echo linked > opt/more/three
rm opt/more/char; mknod opt/more/char c 1 2
rm opt/more/block; mknod opt/more/block b 6 1
setfattr -n user.value -v 0x00fe opt/more/attributes; setfattr -x user.gone opt/more/attributes
setfattr -n user.more -v b opt/more/attributes
printf '\\0' >> opt/more/longer
python3 -c 'f = open("opt/more/large", "r+b"); f.seek(2222222); b = f.read(1)[0]; f.seek(2222222); f.write(bytes([b ^ 1]))'
for name in type new link three char block attributes longer large .; do touch -h -d @1700000000 opt/more/$name; done
chmod 0711 .; touch -r ../good .
`;

const EXPECTED = [
  '/ mode 0711 0755',
  '/opt/more/attributes xattrs user.gone null 61',
  '/opt/more/attributes xattrs user.more 62 null',
  '/opt/more/attributes xattrs user.value 00fe 00ff',
  '/opt/more/block device 6:1 7:1',
  '/opt/more/char device 1:2 1:3',
  '/opt/more/gid gid 1 0',
  '/opt/more/gone only-in-reference null file',
  '/opt/more/large content byte 2222222',
  '/opt/more/link link-target nowhere/at-alm nowhere/at-all',
  '/opt/more/longer size 3000001 3000000',
  '/opt/more/longer content byte 3000000',
  '/opt/more/mode mode 0645 0644',
  '/opt/more/new only-in-subject file null',
  '/opt/more/three link-group /opt/more/three /opt/more/one',
  '/opt/more/time mtime 1700000001.000000000 1700000000.000000000',
  '/opt/more/type type fifo file',
  '/opt/more/uid uid 1 0',
];

interface Difference {
  readonly path: string;
  readonly kind: string;
  readonly subject: string | number | null;
  readonly reference: string | number | null;
  readonly attribute?: string;
  readonly offset?: number;
}

function line({ path, kind, subject, reference, attribute, offset }: Difference): string {
  if (kind === 'content') return `${path} ${kind} byte ${offset}`;
  return [path, kind, ...(attribute === undefined ? [] : [attribute]), `${subject}`, `${reference}`].join(
    ' ',
  );
}

async function verify(
  ...args: string[]
): Promise<{ code: number | string; lines: string[]; report: Report }> {
  const { code, stdout, stderr } = await ocirender(['verify', ...args, '--json', '--progress', 'none']);
  if (code !== 0 && code !== 3) throw new Error(`${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  const report = JSON.parse(stdout) as Report;
  return { code, lines: report.differences.map(line), report };
}

interface Report {
  readonly differences: Difference[];
  readonly commonNames: number;
  readonly comparedBytes: number;
  readonly ignoredPaths: { path: string; side: string }[];
}

const TAR = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--format=pax', '--sort=name'];

beforeAll(async () => {
  await ensureImages(['debian']);
  directory = await makeDirectory();
  await convertWithCli(`${IMAGE_DIRECTORY}/debian`, 'dir', at('good'));
  await must('bash', ['-ec', `touch -r good stamp; cd good; ${MORE} touch -r ../stamp .`], {
    cwd: directory,
  });
  await must('cp', ['-a', at('good'), at('bad')]);
  await must('bash', ['-ec', `cd bad; ${FAULTS}`], { cwd: directory });
  for (const name of ['good', 'bad']) {
    await must('tar', [...TAR, '-C', at(name), '-cf', at(`${name}.tar`), '.']);
    const options = ['-noappend', '-no-progress', '-quiet', '-comp', 'zstd', '-Xcompression-level', '1'];
    await must('mksquashfs', [at(name), at(`${name}.squashfs`), ...options]);
    await writeLayout(at(`${name}.oci`), [{ bytes: await readFile(at(`${name}.tar`)) }]);
  }
  await must('gzip', ['-1k', at('bad.tar')]);
});

afterAll(() => removeDirectory(directory));

describe('nothing differs between unchanged forms', () => {
  test.each([
    ['good.tar', 'good'],
    ['good.squashfs', 'good.tar'],
    ['good.oci', 'good.squashfs'],
  ])('%s and %s', async (subject, reference) => {
    const { code, lines, report } = await verify(at(subject), at(reference));
    expect({ code, lines }).toEqual({ code: 0, lines: [] });
    expect(report.commonNames).toBeGreaterThan(3000);
    expect(report.comparedBytes).toBeGreaterThan(50_000_000);
  });
});

describe('one fault of each kind is found and named, and nothing else', () => {
  test.each([
    ['bad', 'good.squashfs'],
    ['bad.tar', 'good'],
    ['bad.tar.gz', 'good.oci'],
    ['bad.squashfs', 'good.tar'],
    ['bad.oci', 'good'],
  ])('%s against %s', async (subject, reference) => {
    const { code, lines } = await verify(at(subject), at(reference));
    expect(lines).toEqual(EXPECTED);
    expect(code).toBe(3);
  });

  test('what is ignored does not count', async () => {
    const { code, lines } = await verify(
      at('bad.squashfs'),
      at('good'),
      '--ignore',
      'mode,uid,gid,mtime,xattrs,device,link-target,link-group,type',
      '--exclude',
      'opt/more/{gone,new,large,longer}',
    );
    expect({ code, lines }).toEqual({ code: 0, lines: [] });
  });
});

test('one bit of a data block of a squashfs image', async () => {
  const image = at('plain.squashfs');
  await must('mksquashfs', [at('good/opt'), image, '-noappend', '-no-progress', '-quiet', '-noD', '-noF']);
  expect((await verify(image, at('good/opt'))).code).toBe(0);
  const needle = (await readFile(at('good/opt/more/large'))).subarray(1_000_000, 1_000_064);
  const place = (await readFile(image)).indexOf(needle);
  const file = await open(image, 'r+');
  await file.write(Uint8Array.of(needle[5]! ^ 0x10), 0, 1, place + 5);
  await file.close();
  const { lines } = await verify(image, at('good/opt'));
  // The two files that were equal share their blocks.
  expect(lines).toEqual(['/more/large content byte 1000005', '/more/longer content byte 1000005']);
});

describe('one bit of the inode table of a squashfs image', () => {
  /** Type 6, mode 0644. */
  const FIFO = Buffer.from([6, 0, 0xa4, 1]);
  // https://dr-emann.github.io/squashfs/squashfs.html, "Inode table": the only FIFO, with mode 0644, of 1700000000.
  test.each([
    ['mode', 2, '/more/fifo mode 0645 0644'],
    ['modification time', 8, '/more/fifo mtime 1700000001.000000000 1700000000.000000000'],
    ['link count', 16, '/more/fifo link-count 0 1'],
  ])('%s', async (name, field, expected) => {
    const image = at(`inode-${name.length}.squashfs`);
    const options = ['-noappend', '-no-progress', '-quiet', '-noI', '-noD', '-noF'];
    await must('mksquashfs', [at('good/opt'), image, ...options]);
    const bytes = await readFile(image);
    const found: number[] = [];
    for (let place = bytes.indexOf(FIFO); place >= 0; place = bytes.indexOf(FIFO, place + 1)) {
      if (bytes.readUInt32LE(place + 8) === 1_700_000_000) found.push(place);
    }
    expect(found).toHaveLength(1);
    bytes[found[0]! + field]! ^= 1;
    await writeFile(image, bytes);
    const { lines } = await verify(image, at('good/opt'));
    expect(lines).toEqual([expected]);
  });
});

test('our squashfs image and that of mksquashfs from the directory of umoci', async () => {
  await must('umoci', ['raw', 'unpack', '--image', `${IMAGE_DIRECTORY}/debian:latest`, at('umoci')]);
  const options = ['-noappend', '-no-progress', '-quiet', '-comp', 'lz4'];
  await must('mksquashfs', [at('umoci'), at('umoci.squashfs'), ...options]);
  await convertWithCli(`${IMAGE_DIRECTORY}/debian`, 'squashfs', at('ours.squashfs'));
  for (const reference of ['umoci.squashfs', 'umoci']) {
    const { code, lines } = await verify(at('ours.squashfs'), at(reference));
    expect({ code, lines }).toEqual({ code: 0, lines: [] });
  }
  const sink = ['convert', `${IMAGE_DIRECTORY}/debian`, '--sink', 'verify', '--progress', 'none'];
  expect((await ocirender([...sink, '-O', `reference=${at('umoci.squashfs')}`])).code).toBe(0);
  const { code, stderr } = await ocirender([...sink, '-O', `reference=${at('good.tar')}`]);
  expect(code).toBe(3);
  expect(stderr).toContain('/opt/more/large\n  only in the reference (file)\n');
});

test('what docker export adds is left out on request', async () => {
  const additions = `
    mkdir -p dev/pts dev/shm; touch .dockerenv dev/console etc/hostname etc/hosts etc/resolv.conf; ln -sf /proc/mounts etc/mtab
    mknod dev/pts/0 c 136 0 || true
    tar ${TAR.join(' ')} -cf ../exported.tar $(ls -A)`;
  await must('cp', ['-a', at('good'), at('exported')]);
  await must('bash', ['-ec', `cd exported; ${additions}`], { cwd: directory });
  expect((await verify(at('exported.tar'), at('good.squashfs'))).code).toBe(3);
  const { code, lines, report } = await verify(at('exported.tar'), at('good.squashfs'), '--docker-export');
  expect({ code, lines }).toEqual({ code: 0, lines: [] });
  expect(report.ignoredPaths.map(({ path }) => path)).toEqual([
    '/.dockerenv',
    '/dev/console',
    '/dev/pts',
    '/dev/shm',
    '/etc/hostname',
    '/etc/hosts',
    '/etc/mtab',
    '/etc/resolv.conf',
  ]);
});

test('ls, cat and inspect agree on every form', async () => {
  const listings: string[] = [];
  for (const form of ['good', 'good.tar', 'good.squashfs', 'good.oci']) {
    const cat = await ocirender(['cat', at(form), '/opt/more/one', '--progress', 'none']);
    expect([form, cat.code, cat.stdout]).toEqual([form, 0, 'linked\n']);
    const { stdout } = await ocirender(['ls', at(form), '/opt/more', '--json', '--progress', 'none']);
    const names = (JSON.parse(stdout) as Record<string, unknown>[]).map(
      ({ links: _links, sha256: _sha256, mtimeNs: _mtimeNs, ...rest }) => rest,
    );
    listings.push(JSON.stringify(names));
    const inspected = await ocirender(['inspect', at(form), '--json', '--progress', 'none']);
    const { tree } = JSON.parse(inspected.stdout) as { tree: { devices: number; hardLinks: number } };
    expect([form, tree.devices >= 2, tree.hardLinks >= 2]).toEqual([form, true, true]);
  }
  expect(new Set(listings).size).toBe(1);
});

test('a damaged image is an error, not a difference', async () => {
  const bytes = await readFile(at('good.squashfs'));
  await writeFile(at('cut.squashfs'), bytes.subarray(0, bytes.length >> 1));
  const { code, stdout } = await ocirender(['verify', at('cut.squashfs'), at('good'), '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).error.code).toMatch(/^ERR_OCIRENDER_(FORMAT|TRUNCATED)$/);
});
