import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputSet } from './output-set.ts';
import { planOutputs } from './plan-outputs.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ocirender-set-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const nothing = (): void => undefined;

async function outputs(
  kind: 'file' | 'directory',
  may: { force?: boolean; replace?: boolean } = {},
): Promise<OutputSet> {
  const plan = await planOutputs({
    main: { name: join(directory, 'out'), kind, streams: false, sidecars: ['.side'] },
    config: join(directory, 'config'),
    inputs: [],
    force: may.force ?? false,
    replaceDirectory: may.replace ?? false,
  });
  return new OutputSet(plan);
}

/** Writes everything, as a sink does. */
async function write(set: OutputSet, kind: 'file' | 'directory', side = true): Promise<void> {
  await set.writeConfig(Buffer.from('new config'));
  const output = await set.begin();
  if (output === undefined || !('path' in output)) throw new Error('no path');
  if (kind === 'file') writeFileSync(output.path, 'new');
  else {
    if (output.into === undefined) mkdirSync(output.path);
    writeFileSync(join(output.into ?? output.path, 'file'), 'new');
  }
  if (side) writeFileSync(`${output.path}.side`, 'new side');
}

/** Everything in the directory, files with their contents. */
function look(): Record<string, unknown> {
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => {
        const path = join(directory, name);
        return [name, lstatSync(path).isDirectory() ? readdirSync(path) : readFileSync(path, 'utf8')];
      }),
  );
}

describe.each(['file', 'directory'] as const)('a %s', (kind) => {
  const placed = kind === 'file' ? 'new' : ['file'];
  const putOld = (): void => {
    if (kind === 'file') writeFileSync(join(directory, 'out'), 'old');
    else mkdirSync(join(directory, 'out/old'), { recursive: true });
    writeFileSync(join(directory, 'out.side'), 'old side');
    writeFileSync(join(directory, 'config'), 'old config');
  };

  it('appears together with what belongs to it', async () => {
    const set = await outputs(kind);
    await write(set, kind);
    expect(Object.keys(look()).every((name) => name.startsWith('.'))).toBe(true);
    await set.commit({ sidecars: ['.side'] }, undefined, nothing);
    expect(look()).toEqual({ config: 'new config', out: placed, 'out.side': 'new side' });
    await set.discard();
    expect(look()).toEqual({ config: 'new config', out: placed, 'out.side': 'new side' });
  });

  it('replaces all, and takes away a side file that says nothing of the new one', async () => {
    putOld();
    const set = await outputs(kind, { replace: true });
    await write(set, kind, false);
    await set.commit({}, undefined, nothing);
    expect(look()).toEqual({ config: 'new config', out: placed });
  });

  it.each(['a missing side file', 'an abort', 'an abort at the last moment'])(
    'leaves all as it was after %s',
    async (cause) => {
      putOld();
      const before = look();
      const set = await outputs(kind, { replace: true });
      await write(set, kind, cause !== 'a missing side file');
      const stop = new AbortController();
      if (cause === 'an abort') stop.abort();
      let asked = 0;
      const signal = Object.defineProperty(stop.signal, 'aborted', {
        get: () => cause === 'an abort' || (cause !== 'a missing side file' && ++asked > 1),
      });
      await expect(set.commit({ sidecars: ['.side'] }, signal, nothing)).rejects.toMatchObject({
        code: cause === 'a missing side file' ? 'ERR_OCIRENDER_IO' : 'ERR_OCIRENDER_ABORTED',
      });
      await set.discard();
      expect(look()).toEqual(before);
    },
  );

  it('does not replace what came into being meanwhile, and takes the rest back', async () => {
    const set = await outputs(kind);
    await write(set, kind);
    writeFileSync(join(directory, 'out'), 'precious');
    await expect(set.commit({ sidecars: ['.side'] }, undefined, nothing)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_OUTPUT_EXISTS',
    });
    await set.discard();
    expect(look()).toEqual({ out: 'precious' });
  });

  it('says when there is no way back, before it removes what was replaced', async () => {
    putOld();
    const set = await outputs(kind, { replace: true });
    await write(set, kind);
    let seen: Record<string, unknown> = {};
    await set.commit({ sidecars: ['.side'] }, undefined, () => {
      seen = look();
    });
    expect(seen['out']).toEqual(placed);
    expect(Object.keys(seen).filter((name) => name.endsWith('.old'))).toHaveLength(3);
    expect(look()).toEqual({ config: 'new config', out: placed, 'out.side': 'new side' });
  });

  it('refuses a side file that the sink did not announce', async () => {
    const set = await outputs(kind);
    await write(set, kind);
    await expect(set.commit({ sidecars: ['.other'] }, undefined, nothing)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
    });
    await set.discard();
    expect(look()).toEqual({});
  });
});

it('replaces a symbolic link itself', async () => {
  writeFileSync(join(directory, 'precious'), 'precious');
  symlinkSync('precious', join(directory, 'out'));
  const set = await outputs('file', { force: true });
  await write(set, 'file', false);
  await set.commit({}, undefined, nothing);
  expect(look()).toEqual({ config: 'new config', out: 'new', precious: 'precious' });
  expect(lstatSync(join(directory, 'out')).isSymbolicLink()).toBe(false);
});

describe('a directory that is empty', () => {
  beforeEach(() => {
    mkdirSync(join(directory, 'out/lost+found'), { recursive: true, mode: 0o750 });
    utimesSync(join(directory, 'out'), 1, 2);
  });

  it('is filled and stays the same directory', async () => {
    const { ino } = statSync(join(directory, 'out'));
    const set = await outputs('directory');
    await write(set, 'directory');
    await set.commit({ sidecars: ['.side'] }, undefined, nothing);
    expect(look()).toEqual({ config: 'new config', out: ['file', 'lost+found'], 'out.side': 'new side' });
    expect(statSync(join(directory, 'out')).ino).toBe(ino);
  });

  it('is empty again after a failure, with the mode and the time that it had', async () => {
    const set = await outputs('directory');
    const before = statSync(join(directory, 'out'));
    await write(set, 'directory');
    writeFileSync(join(directory, 'out/lost+found/x'), '');
    await set.discard();
    expect(look()).toEqual({ out: ['lost+found'] });
    expect(readdirSync(join(directory, 'out/lost+found'))).toEqual([]);
    const { mode, uid, mtimeMs } = statSync(join(directory, 'out'));
    expect({ mode, uid, mtimeMs }).toEqual({ mode: before.mode, uid: before.uid, mtimeMs: 2000 });
  });

  it('is not left to a sink that made another one', async () => {
    const set = await outputs('directory');
    const output = await set.begin();
    mkdirSync((output as { path: string }).path);
    await expect(set.commit({ durable: true }, undefined, nothing)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_OUTPUT_EXISTS',
    });
    await set.discard();
    expect(look()).toEqual({ out: ['lost+found'] });
  });
});
