import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, loadCases } from '../packages/core/test/support/case-fixtures.ts';
import { type CaseReading, compareCase } from '../packages/core/test/support/compare-case.ts';
import { convertWithCli, ocirender } from './support/cli.ts';
import { must, run } from './support/run.ts';
import { due } from './support/sample.ts';
import { readOutput } from './support/trees.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const FETCH = fileURLToPath(new URL('support/mksquashfs-4.6.sh', import.meta.url));
const DEMO = fileURLToPath(new URL('../examples/demo/image', import.meta.url));

let directory: string;
let mksquashfs: string;

beforeAll(async () => {
  directory = await makeDirectory();
  mksquashfs = (await must('bash', [FETCH])).trim();
});

afterAll(() => removeDirectory(directory));

describe('engine mksquashfs with mksquashfs 4.6', () => {
  const reading: CaseReading = { wholeSeconds: true, xattrPrefixes: ['user.', 'trusted.', 'security.'] };
  const trees = loadCases().filter(({ outcome }) => outcome.tree !== undefined);

  test.each(due(trees, 5).map((item): [string, Case] => [item.name, item]))(
    '%s',
    async (name, { image, outcome }) => {
      const output = join(directory, `${name}.squashfs`);
      await convertWithCli(image, 'squashfs', output, ['--mksquashfs', mksquashfs]);
      expect(compareCase(await readOutput('squashfs', output, directory), outcome.tree!, reading)).toEqual(
        [],
      );
    },
  );

  test('gives the same tree as the in-process engine, and the same bytes twice', async () => {
    const output = (name: string): string => join(directory, `demo-${name}.squashfs`);
    await convertWithCli(DEMO, 'squashfs', output('own'));
    for (const name of ['first', 'second']) {
      await convertWithCli(DEMO, 'squashfs', output(name), [
        '--mksquashfs',
        mksquashfs,
        '--threads',
        name === 'first' ? '1' : '4',
      ]);
    }
    const [own, first] = [
      await readOutput('squashfs', output('own'), directory),
      await readOutput('squashfs', output('first'), directory),
    ];
    expect(withoutInodes(first)).toEqual(withoutInodes(own));
    expect((await run('cmp', [output('first'), output('second')])).code).toBe(0);
  });

  test('takes every option', async () => {
    for (const compression of ['zstd', 'gzip', 'xz', 'lz4', 'lz4hc', 'none']) {
      const output = join(directory, `options-${compression}.squashfs`);
      const options = [
        `compression=${compression}`,
        'block-size=64K',
        'fragments=no',
        'dedupe=no',
        'exports=no',
      ];
      await convertWithCli(DEMO, 'squashfs', output, [
        '--mksquashfs',
        mksquashfs,
        ...options.flatMap((option) => ['-O', option]),
      ]);
      const stat = await must('unsquashfs', ['-stat', output]);
      expect(stat).toContain('Block size 65536');
      expect(stat).toContain('Filesystem is not exportable via NFS');
    }
  });
});

describe('engine mksquashfs with the mksquashfs of Debian 12', () => {
  test('is refused; the message names the version and the in-process engine', async () => {
    const output = join(directory, 'refused', 'out.squashfs');
    await must('mkdir', [join(directory, 'refused')]);
    const { code, stderr } = await ocirender(['convert', DEMO, '-o', output, '-O', 'engine=mksquashfs']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/4\.5\.1.*4\.6/s);
    expect(stderr).toContain('in-process');
    expect(await readdir(join(directory, 'refused'))).toEqual([]);
  });
});

function withoutInodes(tree: Awaited<ReturnType<typeof readOutput>>): unknown[] {
  return [...tree].map(([path, { inode: _inode, ...facts }]) => [path, facts]);
}
