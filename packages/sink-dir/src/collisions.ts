import { type ByteString, type DirectoryInode, displayPath, OcirenderError } from '@ocirender/interface';
import { systemError } from './system-error.ts';

const MAX_LISTED = 20;

/**
 * Makes the error of a name that exists already. On a file system that folds case (or Unicode forms) two names
 * of the image are one there: the error lists all such pairs. Otherwise something else wrote into the output.
 */
export function existsError(root: DirectoryInode, path: ByteString, call: string): OcirenderError {
  const pairs = collidingPairs(root);
  const cause = systemError(-17, call);
  if (pairs.length === 0 || !pairs.some(([a, b]) => a === path || b === path)) {
    return new OcirenderError(
      'ERR_OCIRENDER_IO',
      `${displayPath(path)} cannot be written: it exists already`,
      {
        hint: 'Something else is writing into the output directory.',
        cause,
      },
    );
  }
  const shown = pairs.slice(0, MAX_LISTED).map(([a, b]) => `${displayPath(a)} and ${displayPath(b)}`);
  if (pairs.length > MAX_LISTED) shown.push(`${pairs.length - MAX_LISTED} more`);
  return new OcirenderError(
    'ERR_OCIRENDER_SINK_DIR_NAME_COLLISION',
    `the target file system takes different names of the image for one: ${shown.join('; ')}`,
    { hint: 'Write to a case-sensitive file system, or choose an image format such as squashfs.', cause },
  );
}

/** Siblings that are one name when letter case and Unicode normalisation do not count. */
function collidingPairs(root: DirectoryInode): [ByteString, ByteString][] {
  const pairs: [ByteString, ByteString][] = [];
  const pending: { directory: DirectoryInode; prefix: ByteString }[] = [{ directory: root, prefix: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { directory, prefix } = next;
    const folded = new Map<string, ByteString>();
    for (const [name, inode] of directory.children) {
      const path = prefix + name;
      const key = fold(name);
      const other = folded.get(key);
      if (other === undefined) folded.set(key, path);
      else pairs.push(other < path ? [other, path] : [path, other]);
      if (inode.type === 'directory') pending.push({ directory: inode, prefix: `${path}/` });
    }
  }
  return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function fold(name: ByteString): string {
  return Buffer.from(name, 'latin1').toString('utf8').normalize('NFKC').toUpperCase().toLowerCase();
}
