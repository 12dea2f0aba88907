import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Inode, isSink, type SinkContext } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { directory, file, MINE, openSession, temporaryDirectory } from '../test/session.ts';
import { readXattrs, setXattr } from '../test/xattrs.ts';
import { dirSink } from './sink.ts';

const isRoot = process.geteuid?.() === 0;
const STAGING = '.ocirender-contents';

function contextFor(output: SinkContext['output']): SinkContext {
  return { output, options: {}, threads: 1, signal: new AbortController().signal, diagnose: () => {} };
}

describe('dirSink', () => {
  it('is a sink', () => {
    expect(isSink(dirSink)).toBe(true);
    expect(dirSink).toMatchObject({ name: 'dir', outputs: ['directory'], extensions: ['/'] });
  });

  it('refuses outputs that exist, are no directory, or have no parent', async () => {
    const path = temporaryDirectory();
    await expect(dirSink.open(contextFor({ kind: 'directory', path }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_OUTPUT_EXISTS',
    });
    await expect(dirSink.open(contextFor({ kind: 'none' }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
    await expect(
      dirSink.open(contextFor({ kind: 'directory', path: join(path, 'a/b') })),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });

  it('is private and holds only the staging directory until it is finished', async () => {
    const { path, session, write, finish } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(path)).toEqual([STAGING]);
    expect(statSync(join(path, STAGING)).mode & 0o777).toBe(0o700);
    const report = await finish(directory({ file: file(ref, 3) }));
    expect(readdirSync(path)).toEqual(['file']);
    expect(report).toEqual({ bytesWritten: 3, details: { entries: 2, mtree: false }, durable: true });
    await session.abort(new Error('late'));
  });

  it('makes way for entries with the name of its staging directory', async () => {
    const { path, write, finish } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    await finish(directory({ [STAGING]: file(ref, 3), [`${STAGING}-0`]: directory({}) }));
    expect(readdirSync(path).sort()).toEqual([STAGING, `${STAGING}-0`]);
    expect(readFileSync(join(path, STAGING), 'utf8')).toBe('abc');
  });

  it('removes contents that nobody wants', async () => {
    const { path, write, finish } = await openSession();
    for (let i = 0; i < 3000; i++) await write(Buffer.from('abc'), 3);
    await finish(directory({}));
    expect(readdirSync(path)).toEqual([]);
  });

  it('copies a content that two inodes use', async () => {
    const { path, write, finish } = await openSession();
    async function* sparse(): AsyncGenerator<Uint8Array | { hole: number }> {
      yield { hole: 1 << 20 };
      yield Buffer.from('end');
    }
    const size = (1 << 20) + 3;
    const ref = await write(sparse(), size);
    const extents = [{ offset: 1 << 20, length: 3 }];
    await finish(
      directory({ a: { ...file(ref, size), extents }, b: { ...file(ref, size, { mode: 0o600 }), extents } }),
    );
    const [a, b] = [lstatSync(join(path, 'a')), lstatSync(join(path, 'b'))];
    expect(a.ino).not.toBe(b.ino);
    expect([a.mode & 0o777, b.mode & 0o777]).toEqual([0o644, 0o600]);
    expect(readFileSync(join(path, 'b')).equals(readFileSync(join(path, 'a')))).toBe(true);
    expect(b.blocks * 512).toBeLessThan(100_000);
  });

  it('sets metadata that differs from what was expected', async () => {
    const { path, write, finish } = await openSession();
    const expected = await write(Buffer.from('a'), 1, 'a', { mode: 0o755 });
    const changed = await write(Buffer.from('b'), 1, 'b', { mode: 0o600, mtime: 5 });
    await finish(
      directory({
        a: file(expected, 1, { mode: 0o755 }),
        b: file(changed, 1, { mode: 0o400, mtime: -7, mtimeNs: 1 }),
      }),
    );
    const stats = lstatSync(join(path, 'b'), { bigint: true });
    expect(stats.mode & 0o7777n).toBe(0o400n);
    expect(stats.mtimeNs).toBe(-6_999_999_999n);
    expect(lstatSync(join(path, 'a')).mode & 0o7777).toBe(0o755);
  });

  it('writes directories that their owner may not enter', async () => {
    const { path, write, finish, diagnostics } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    const shared = file(ref, 3);
    const locked = directory({ deeper: directory({ file: shared }, { mode: 0 }) }, { mode: 0o111 });
    await finish(directory({ locked, other: shared }, { mode: 0o555 }));
    expect(diagnostics).toEqual([]);
    expect(lstatSync(path).mode & 0o7777).toBe(0o555);
    expect(lstatSync(join(path, 'locked')).mode & 0o7777).toBe(0o111);
    expect(lstatSync(join(path, 'locked/deeper')).mode & 0o7777).toBe(0);
    expect(lstatSync(join(path, 'locked'), { bigint: true }).mtimeNs).toBe(1_000_000_000_123_456_789n);
    expect(lstatSync(join(path, 'other')).nlink).toBe(2);
  });

  it('writes paths beyond PATH_MAX with few open files', async () => {
    const { path, session, write } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    const name = 'd'.repeat(200);
    let inner: Inode = file(ref, 3);
    for (let depth = 0; depth < 400; depth++) {
      inner = directory({ [depth % 2 === 0 ? name : 'e']: inner, empty: directory({}, { mode: 0o500 }) });
    }
    const before = readdirSync('/proc/self/fd').length;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, readdirSync('/proc/self/fd').length);
    }, 0);
    await session.finish({ root: inner as ReturnType<typeof directory> });
    clearInterval(watch);
    expect(most - before).toBeLessThan(110);
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before);
    process.chdir(path);
    for (let depth = 399; depth > 0; depth--) process.chdir(depth % 2 === 0 ? name : 'e');
    expect(readFileSync(name, 'utf8')).toBe('abc');
    process.chdir('/');
    // rm cannot, with such paths.
    for (let depth = 399; depth >= 0; depth--) {
      renameSync(join(path, depth % 2 === 0 ? name : 'e'), `${path}.next`);
      rmSync(path, { recursive: true });
      renameSync(`${path}.next`, path);
    }
  });

  it('keeps what the parent directory would pass on out of the tree', async () => {
    const { path, finish } = await openSession();
    const acl = Buffer.from(
      '0200000001000700ffffffff04000700ffffffff10000700ffffffff20000700ffffffff',
      'hex',
    ).toString('latin1');
    setXattr(path, 'system.posix_acl_default', acl);
    await finish(directory({ d: directory({}, { mode: 0o2750 }), f: file(undefined, 0) }));
    expect([...readXattrs(Buffer.from(join(path, 'f')))]).toEqual([]);
    expect(lstatSync(join(path, 'd')).mode & 0o7777).toBe(0o2750);
  });

  it('does not take impossible names', async () => {
    for (const name of ['..', '.', 'a/b', '', 'a\0b', '../../x']) {
      for (const inode of [
        file(undefined, 0),
        directory({}),
        { ...MINE, type: 'symlink', target: 'x' } as const,
      ]) {
        const { path, session, finish } = await openSession();
        await expect(finish(directory({ [name]: inode }))).rejects.toMatchObject({
          code: 'ERR_OCIRENDER_PATH_ESCAPE',
        });
        await session.abort(undefined);
        expect(readdirSync(join(path, '..'))).toEqual(['output']);
      }
    }
  });

  it('says which path could not be written and why', async () => {
    const { session, finish } = await openSession();
    const name = 'n'.repeat(256);
    await expect(finish(directory({ d: directory({ [name]: file(undefined, 0) }) }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
      message: expect.stringContaining(`d/${name}`),
      cause: expect.objectContaining({ code: 'ENAMETOOLONG' }),
    });
    await session.abort(undefined);
    const other = await openSession();
    await expect(other.finish(directory({ f: file(7, 3) }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
    await other.session.abort(undefined);
    const third = await openSession();
    await expect(third.write(Buffer.from('abc'), 4)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    await third.session.abort(undefined);
  });

  it('tells name collisions from interference', async () => {
    const { path, session, write, finish } = await openSession();
    await write(Buffer.from('abc'), 3);
    writeFileSync(join(path, 'readme'), 'x');
    await expect(finish(directory({ readme: file(undefined, 0) }))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
      message: 'readme cannot be written: it exists already',
    });
    await session.abort(undefined);
    const folded = await openSession();
    // What a case-folding file system answers: the name is there already.
    mkdirSync(join(folded.path, 'a'));
    const tree = directory({
      a: directory({ x: file(undefined, 0), X: file(undefined, 0) }),
      A: directory({}),
      b: directory({}),
    });
    await expect(folded.finish(tree)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SINK_DIR_NAME_COLLISION',
      message: expect.stringContaining('A and a; a/X and a/x'),
    });
    await folded.session.abort(undefined);
  });

  it('never writes through a symbolic link that replaces one of its directories', async () => {
    const outside = temporaryDirectory();
    writeFileSync(join(outside, 'victim'), 'untouched');
    const { path, session, write, finish } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`f${i}`, file(undefined, 0)]));
    const swap = setInterval(() => {
      for (const name of ['d', 'e', STAGING]) {
        try {
          renameSync(join(path, name), join(outside, `${name}-${Math.random()}`));
          symlinkSync(outside, join(path, name));
        } catch {
          // Not there yet.
        }
      }
    }, 0);
    const tree = directory({
      a: directory(many),
      d: directory(many),
      e: directory(many),
      victim: file(ref, 3, { mode: 0o777 }),
    });
    const outcome = await finish(tree).catch((error: unknown) => error);
    clearInterval(swap);
    await session.abort(undefined);
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
    expect(lstatSync(join(outside, 'victim')).mode & 0o7777).not.toBe(0o777);
    expect(readdirSync(outside).filter((name) => /^f\d/.test(name))).toEqual([]);
    expect(outcome).toMatchObject({ code: 'ERR_OCIRENDER_IO' });
  });

  it('stops when aborted, also in the middle of a write', async () => {
    const { path, session, write } = await openSession();
    async function* endless(): AsyncGenerator<Uint8Array> {
      while (true) {
        yield new Uint8Array(200_000);
        await new Promise(setImmediate);
      }
    }
    const pending = write(endless(), 1e12);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await session.abort(new Error('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    await expect(write(Buffer.from('a'), 1)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    rmSync(path, { recursive: true });
    const controller = new AbortController();
    const other = await openSession(controller.signal);
    controller.abort();
    await expect(other.finish(directory({}))).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    await other.session.abort(undefined);
  });
});

describe.runIf(!isRoot)('dirSink without root', () => {
  it('applies what it may, and tells the rest in an mtree file and diagnostics', async () => {
    const { path, write, finish, diagnostics } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    const xattrs = new Map([
      ['user.kept', Buffer.from('1')],
      ['trusted.lost', Buffer.from('2')],
    ]);
    const device = { ...MINE, uid: 0, type: 'character-device', devMajor: 1, devMinor: 3 } as const;
    const report = await finish(
      directory({
        su: file(ref, 3, { uid: 0, gid: 0, mode: 0o6755, xattrs }),
        null: device,
        zero: device,
        fifo: { ...MINE, type: 'fifo' },
      }),
    );
    expect(report.sidecars).toEqual(['.mtree']);
    expect(report.details).toEqual({
      entries: 5,
      mtree: true,
      'missing device': 2,
      'missing owner': 1,
      'missing set-id': 1,
      'missing xattr trusted': 1,
    });
    expect(diagnostics.map(({ code, path: at }) => `${code} ${at}`).sort()).toEqual([
      'not-representable null',
      'not-representable su',
      'not-representable su',
      'xattr-dropped su',
    ]);
    expect(lstatSync(join(path, 'su')).mode & 0o7777).toBe(0o755);
    expect([...readXattrs(Buffer.from(join(path, 'su'))).keys()]).toEqual(['user.kept']);
    expect(existsSync(join(path, 'null'))).toBe(false);
    expect(lstatSync(join(path, 'fifo')).isFIFO()).toBe(true);
    expect(readFileSync(`${path}.mtree`, 'utf8')).toContain(
      './su type=file mode=06755 uid=0 gid=0 time=1000000000.123456789 size=3\n#xattr ./su trusted.lost=Mg==\n#xattr ./su user.kept=MQ==\n',
    );
  });
});

describe.runIf(isRoot)('dirSink as root', () => {
  it('applies everything', async () => {
    const { path, write, finish, diagnostics } = await openSession();
    const ref = await write(Buffer.from('abc'), 3);
    const device = {
      ...MINE,
      uid: 70_000,
      mode: 0o4711,
      type: 'block-device',
      devMajor: 259,
      devMinor: 70_000,
    } as const;
    const symlink = { ...MINE, uid: 5, gid: 6, type: 'symlink', target: '/etc/passwd' } as const;
    const report = await finish(
      directory({
        su: file(ref, 3, { uid: 3, gid: 4, mode: 0o6755 }),
        disk: device,
        'disk 2': device,
        link: symlink,
        'link 2': symlink,
      }),
    );
    expect(diagnostics).toEqual([]);
    expect(report.sidecars).toBeUndefined();
    expect(lstatSync(join(path, 'su'))).toMatchObject({ uid: 3, gid: 4, mode: 0o106755 });
    expect(lstatSync(join(path, 'disk 2'))).toMatchObject({ uid: 70_000, mode: 0o64711, nlink: 2 });
    expect(lstatSync(join(path, 'link 2'))).toMatchObject({ uid: 5, gid: 6, nlink: 2 });
    expect(readlinkSync(join(path, 'link'))).toBe('/etc/passwd');
  });

  it('notes the owner that no file can have, and attributes that do not fit', async () => {
    const { path, finish, diagnostics } = await openSession();
    const xattrs = new Map([
      ['user.huge', Buffer.alloc(65_537)],
      ['user.big', Buffer.alloc(30_000)],
      ['nonsense', Buffer.from('x')],
    ]);
    await finish(
      directory({ a: file(undefined, 0, { uid: 0xffffffff }), b: file(undefined, 0, { xattrs }) }),
    );
    expect(lstatSync(join(path, 'a')).uid).toBe(0);
    expect(diagnostics.map(({ code }) => code)).toContain('xattr-dropped');
    expect(diagnostics[0]).toMatchObject({ code: 'not-representable', path: 'a' });
    expect(existsSync(`${path}.mtree`)).toBe(true);
  });
});
