import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownIdentity } from './process-identity.ts';
import { parseTemporaryName, temporaryName } from './temporary-name.ts';

const ROOM = '.mtree'.length;
const NAMES = [
  'a',
  'rootfs.squashfs',
  'n'.repeat(60),
  'n'.repeat(250),
  'é'.repeat(127),
  '😀'.repeat(63),
  '\ud83d',
];

describe('temporaryName', () => {
  it.each(NAMES)('leaves %s in its directory, is short enough, and is known again', (name) => {
    const made = temporaryName(`/out/${name}`, 'tmp', ROOM);
    expect(dirname(made)).toBe('/out');
    const bytes = Buffer.byteLength(`${basename(made)}.mtree`);
    expect(bytes).toBeLessThanOrEqual(Math.max(Buffer.byteLength(name), 100));
    expect(parseTemporaryName(basename(made), `/out/${name}`, ROOM)).toEqual({
      role: 'tmp',
      owner: ownIdentity(),
      rest: '',
    });
    expect(parseTemporaryName(`${basename(made)}.mtree`, `/out/${name}`, ROOM)?.rest).toBe('.mtree');
  });

  it('gives every call another name', () => {
    expect(new Set(Array.from({ length: 50 }, () => temporaryName('/a', 'old'))).size).toBe(50);
  });
});

describe('parseTemporaryName', () => {
  const made = basename(temporaryName('/out/a', 'old'));

  it.each(['/out/b', '/out/a.b', '/out/', `/out/${'n'.repeat(250)}`])(
    'does not take it for one of %s',
    (target) => {
      expect(parseTemporaryName(made, target)).toBeUndefined();
    },
  );

  it("does not take a longer name's for one of its beginning", () => {
    expect(parseTemporaryName(basename(temporaryName('/out/a.b', 'tmp')), '/out/a')).toBeUndefined();
  });

  it('tells long names with the same beginning apart', () => {
    const [one, other] = [`/out/${'n'.repeat(240)}1`, `/out/${'n'.repeat(240)}2`];
    expect(parseTemporaryName(basename(temporaryName(one, 'tmp')), other)).toBeUndefined();
  });

  it.each(['a', '.a.tmp', '.a.0123456789ab.tmp', '.a', `${made}`.replace('.old', '.new')])(
    'leaves %s alone',
    (name) => {
      expect(parseTemporaryName(name, '/out/a')).toBeUndefined();
    },
  );
});
