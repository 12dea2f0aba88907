import { NO_XATTRS } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { unescapeName } from '../test/read-output.ts';
import { directory, file } from '../test/session.ts';
import { mtreeLines } from './mtree.ts';

const BASE = { mode: 0o644, uid: 1, gid: 2, mtime: 5, mtimeNs: 7, xattrs: NO_XATTRS };

describe('mtreeLines', () => {
  it('describes every kind of inode', () => {
    const shared = file(undefined, 0, BASE);
    const root = directory(
      {
        b: shared,
        a: shared,
        dir: directory(
          { 'sp ace': { ...BASE, type: 'symlink', target: 'to\n#\\x' } },
          { ...BASE, mode: 0o1777, mtime: -5 },
        ),
        dev: { ...BASE, type: 'block-device', devMajor: 8, devMinor: 1 },
        chr: { ...BASE, type: 'character-device', devMajor: 1, devMinor: 3 },
        p: { ...BASE, type: 'fifo' },
        s: { ...BASE, type: 'socket' },
        x: file(3, 12, {
          ...BASE,
          xattrs: new Map([
            ['user.z', Buffer.from('z')],
            ['user.a b', Buffer.from([0, 255])],
          ]),
        }),
      },
      BASE,
    );
    expect([...mtreeLines({ root })].join('')).toBe(
      [
        '#mtree',
        '. type=dir mode=0644 uid=1 gid=2 time=5.000000007',
        './a type=file mode=0644 uid=1 gid=2 time=5.000000007 size=0 nlink=2 inode=1',
        './b type=file mode=0644 uid=1 gid=2 time=5.000000007 size=0 nlink=2 inode=1',
        './chr type=char mode=0644 uid=1 gid=2 time=5.000000007 device=linux,1,3',
        './dev type=block mode=0644 uid=1 gid=2 time=5.000000007 device=linux,8,1',
        './dir type=dir mode=01777 uid=1 gid=2 time=-5.000000007',
        './dir/sp\\040ace type=link mode=0644 uid=1 gid=2 time=5.000000007 link=to\\012\\043\\134x',
        './p type=fifo mode=0644 uid=1 gid=2 time=5.000000007',
        './s type=socket mode=0644 uid=1 gid=2 time=5.000000007',
        './x type=file mode=0644 uid=1 gid=2 time=5.000000007 size=12',
        '#xattr ./x user.a\\040b=AP8=',
        '#xattr ./x user.z=eg==',
        '',
      ].join('\n'),
    );
  });

  it('escapes so that any byte comes back', () => {
    const name = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i))
      .join('')
      .replace('\0', '')
      .replace('/', '');
    const [, , line] = [...mtreeLines({ root: directory({ [name]: file(undefined, 0) }) })];
    expect(unescapeName(line!.split(' ')[0]!)).toBe(`./${name}`);
    expect(line).toMatch(/^[!-~ ]+\n$/);
  });
});
