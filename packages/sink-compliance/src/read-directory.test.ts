import { chmod, link, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDirectory } from './read-directory.ts';

test('reads what is there', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ocirender-read-'));
  try {
    await mkdir(join(root, 'd'), { mode: 0o700 });
    await writeFile(Buffer.concat([Buffer.from(`${root}/d/`), Buffer.from([0xff, 0x0a])]), 'hello');
    await writeFile(join(root, 'a'), '');
    await chmod(join(root, 'a'), 0o4711);
    await link(join(root, 'a'), join(root, 'b'));
    await utimes(join(root, 'a'), 0, new Date(-1500));
    await symlink('d/\u00e9', join(root, 's'));
    const tree = await readDirectory(root, { xattrs: () => new Map([['user.x', Buffer.from('1')]]) });
    expect([...tree.keys()].sort()).toEqual(['', 'a', 'b', 'd', 'd/\u00ff\n', 's']);
    expect(tree.get('a')).toMatchObject({
      type: 'file',
      mode: 0o4711,
      size: 0,
      links: 2,
      mtime: -2,
      mtimeNs: 500_000_000,
    });
    expect(tree.get('a')!.inode).toBe(tree.get('b')!.inode);
    expect(tree.get('d')).toMatchObject({ type: 'directory', mode: 0o700 });
    expect(tree.get('s')).toMatchObject({ type: 'symlink', target: 'd/\u00c3\u00a9' });
    expect(tree.get('d/\u00ff\n')).toMatchObject({
      size: 5,
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      xattrs: new Map([['user.x', Buffer.from('1')]]),
    });
  } finally {
    await rm(root, { recursive: true });
  }
});
