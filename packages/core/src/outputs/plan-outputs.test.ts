import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OutputPlan, planOutputs } from './plan-outputs.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ocirender-plan-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Wish {
  readonly name?: string;
  readonly kind?: 'file' | 'directory';
  readonly streams?: boolean;
  readonly sidecars?: readonly string[];
  readonly config?: string;
  readonly inputs?: readonly string[];
  readonly force?: boolean;
  readonly replaceDirectory?: boolean;
}

function plan(wish: Wish): Promise<OutputPlan> {
  const { name = 'out', kind = 'file', streams = false, sidecars = [], config, inputs = [] } = wish;
  return planOutputs({
    main: { name: join(directory, name), kind, streams, sidecars },
    config: config === undefined ? undefined : join(directory, config),
    inputs: inputs.map((input) => join(directory, input)),
    force: wish.force ?? false,
    replaceDirectory: wish.replaceDirectory ?? false,
  });
}

async function refusal(wish: Wish): Promise<string> {
  const error = await plan(wish).then(
    () => new Error('it was allowed'),
    (error: Error & { code: string; hint?: string }) => error,
  );
  const { code, message, hint } = error as Error & { code: string; hint?: string };
  return [code, message, hint].join('\n').replaceAll(directory, '');
}

describe('what is there already', () => {
  it('keeps files unless force is given, whichever output they are', async () => {
    for (const name of ['out', 'out.mtree', 'config']) {
      writeFileSync(join(directory, name), 'precious');
      const wish: Wish = { sidecars: ['.mtree'], config: 'config' };
      const said = await refusal(wish);
      expect(said).toContain('ERR_OCIRENDER_OUTPUT_EXISTS');
      expect(said).toContain(`"/${name}" exists`);
      expect(said).toContain('--force');
      const { main, sidecars, config } = await plan({ ...wish, force: true });
      expect([main?.way, sidecars.get('.mtree')?.way, config?.way]).toEqual(['rename', 'rename', 'rename']);
      rmSync(join(directory, name));
    }
  });

  it('keeps a directory with something in it unless that is asked for, and says what would go', async () => {
    mkdirSync(join(directory, 'out'));
    for (let i = 0; i < 7; i++) writeFileSync(join(directory, `out/file${i}`), '');
    for (const force of [false, true]) {
      const said = await refusal({ kind: 'directory', force });
      expect(said).toContain('7 entries (file0, file1, file2, file3, file4, …)');
      expect(said).toContain('--replace-directory');
    }
    expect((await plan({ kind: 'directory', replaceDirectory: true })).main?.way).toBe('rename');
  });

  it('fills an empty directory, and one with an empty lost+found', async () => {
    mkdirSync(join(directory, 'out'));
    expect((await plan({ kind: 'directory' })).main?.way).toBe('fill');
    mkdirSync(join(directory, 'out/lost+found'));
    expect((await plan({ kind: 'directory' })).main?.way).toBe('fill');
    writeFileSync(join(directory, 'out/lost+found/#12'), '');
    expect(await refusal({ kind: 'directory' })).toContain('1 entry (lost+found)');
  });

  it('never takes a directory for a file, nor a file or link for a directory', async () => {
    mkdirSync(join(directory, 'out'));
    expect(await refusal({ replaceDirectory: true })).toContain('exists and is a directory');
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('out', join(directory, 'link'));
    expect(await refusal({ name: 'file', kind: 'directory', replaceDirectory: true })).toContain('is a file');
    expect(await refusal({ name: 'link', kind: 'directory', replaceDirectory: true })).toContain(
      'is a symbolic link',
    );
  });

  it('refuses a FIFO whatever is given, unless the sink streams into it', async () => {
    expect(spawnSync('mkfifo', [join(directory, 'out')]).status).toBe(0);
    symlinkSync('out', join(directory, 'link'));
    for (const name of ['out', 'link']) {
      expect(await refusal({ name, replaceDirectory: true })).toContain('is a FIFO');
      expect((await plan({ name, streams: true })).main?.way).toBe('stream');
    }
    expect(await refusal({ name: 'other', streams: true, config: 'out', force: true })).toContain(
      'is a FIFO',
    );
  });

  it('refuses a socket whatever is given', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'out'), resolve));
    expect(await refusal({ force: true, streams: true })).toContain('is a socket');
    await new Promise((resolve) => server.close(resolve));
  });

  it('refuses names of open files', async () => {
    symlinkSync('/proc/self/fd/1', join(directory, 'out'));
    expect(await refusal({ force: true })).toContain('is a name of an open file');
  });

  it('replaces a symbolic link itself, with force, whatever it leads to', async () => {
    symlinkSync('nowhere', join(directory, 'out'));
    expect(await refusal({})).toContain('It is a symbolic link');
    expect((await plan({ force: true })).main?.way).toBe('rename');
  });
});

describe('where it is', () => {
  it.each([
    [{ config: 'out' }, 'the file for the config "/out" is the output "/out"'],
    [{ config: 'out.mtree', sidecars: ['.mtree'] }, 'is the side file "/out.mtree"'],
    [{ config: 'link/out' }, 'the file for the config "/link/out" is the output "/out"'],
    [{ name: 'tree', kind: 'directory', config: 'tree/config' }, 'lies in the output "/tree"'],
    [{ name: 'image', kind: 'directory', inputs: ['image'] }, 'is the input "/image"'],
    [{ name: 'image/out', inputs: ['image'] }, 'lies in the input "/image"'],
    [{ name: 'tree', kind: 'directory', inputs: ['tree/image'] }, 'contains the input "/tree/image"'],
    [{ name: 'archive', inputs: ['archive-link'] }, 'is the input "/archive-link"'],
    [{ name: 'archive-link', inputs: ['archive-link'] }, 'is the input "/archive-link"'],
    [{ config: 'archive', inputs: ['archive'] }, 'the file for the config "/archive" is the input'],
  ] as [Wish, string][])('%o is refused', async (wish, message) => {
    mkdirSync(join(directory, 'tree/image'), { recursive: true });
    mkdirSync(join(directory, 'image'));
    writeFileSync(join(directory, 'image/index.json'), '');
    writeFileSync(join(directory, 'archive'), '');
    symlinkSync('.', join(directory, 'link'));
    symlinkSync('archive', join(directory, 'archive-link'));
    const said = await refusal({ ...wish, replaceDirectory: true });
    expect(said).toMatch(/^ERR_OCIRENDER_USAGE/);
    expect(said).toContain(message);
  });

  it('is not the current directory, nor around it', async () => {
    const before = process.cwd();
    mkdirSync(join(directory, 'out/here'), { recursive: true });
    try {
      process.chdir(join(directory, 'out/here'));
      expect(await refusal({ name: 'out/here', kind: 'directory' })).toContain('is the current directory');
      expect(await refusal({ kind: 'directory', replaceDirectory: true })).toContain(
        'contains the current directory',
      );
      expect((await plan({ name: 'out/here/new', kind: 'directory' })).main?.way).toBe('rename');
    } finally {
      process.chdir(before);
    }
  });

  it('is a directory that exists', async () => {
    expect(await refusal({ name: 'absent/out' })).toContain('"/absent" of the output does not exist');
    writeFileSync(join(directory, 'file'), '');
    expect(await refusal({ name: 'file/out' })).toContain('"/file" of the output is no directory');
    expect(await refusal({ config: 'absent/c' })).toContain('of the file for the config does not exist');
  });

  it('has a name of 255 bytes at most', async () => {
    expect(
      (await plan({ name: 'n'.repeat(255), kind: 'directory', sidecars: ['.mtree'] })).sidecars.size,
    ).toBe(0);
    expect(await refusal({ name: 'é'.repeat(128) })).toContain('is 256 bytes long');
  });
});

it('writes nothing', async () => {
  await plan({ sidecars: ['.mtree'], config: 'config' });
  expect(readdirSync(directory)).toEqual([]);
});
