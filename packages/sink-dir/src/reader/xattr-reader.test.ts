import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadLibc } from '../libc.ts';
import { loadXattrReader } from './xattr-reader.ts';

const directory = mkdtempSync(join(tmpdir(), 'ocirender-xattrs-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A path as the calls want it. */
const terminated = (path: string): Buffer => Buffer.from(`${path}\0`);

describe.skipIf(process.platform !== 'linux')('loadXattrReader', () => {
  it('reads what was set, bytes and all; nothing of the target of a link', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, '');
    const libc = await loadLibc();
    const values: [string, Buffer][] = [
      ['user.bytes', Buffer.from([0, 255, 10])],
      ['user.empty', Buffer.alloc(0)],
    ];
    const results = values.map(([name, value]) => libc.lsetxattr(path, name, value));
    // A file system without attributes of users (an old tmpfs) has none to read.
    const supported = results.every((result) => result !== -constants.errno.ENOTSUP);
    const read = (await loadXattrReader())!;
    const own = [...read(terminated(path))].filter(([name]) => name.startsWith('user.'));
    expect(new Map(own.map(([name, value]) => [name, Buffer.from(value)]))).toEqual(
      new Map(supported ? values : []),
    );
    symlinkSync('file', join(directory, 'link'));
    expect(
      [...read(terminated(join(directory, 'link'))).keys()].filter((name) => name.startsWith('user.')),
    ).toEqual([]);
  });

  it('throws the error of the system', async () => {
    const read = (await loadXattrReader())!;
    expect(() => read(terminated(join(directory, 'nothing')))).toThrowError(
      expect.objectContaining({ code: 'ENOENT' }) as Error,
    );
  });
});
