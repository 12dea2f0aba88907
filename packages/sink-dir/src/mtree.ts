import { type ByteString, type Inode, type Tree, type TreeEntry, walkTree } from '@ocirender/interface';
import { countNames } from './inode-names.ts';

/** Ending of the file beside the output that says what could not be applied. */
export const MTREE = '.mtree';

/** Type words of mtree(5). */
const TYPES: Readonly<Record<Inode['type'], string>> = {
  file: 'file',
  directory: 'dir',
  symlink: 'link',
  'character-device': 'char',
  'block-device': 'block',
  fifo: 'fifo',
  socket: 'socket',
};

/**
 * Describes a whole tree in mtree(5): what `bsdtar -cf out.tar @OUTPUT.mtree` (as any user) or `mtree -U` (as
 * root) need to give the directory what could not be applied to it. Extended attributes follow their entry as
 * comments, `#xattr PATH NAME=BASE64`: the format has no keyword for them, and bsdtar stops at one that it does not know.
 *
 * @param tree - the tree
 * @returns the file's lines, bytes as one character each, in bytewise order of the paths' components
 * @see https://github.com/libarchive/libarchive/blob/v3.7.7/libarchive/mtree.5
 */
export function* mtreeLines(tree: Tree): Generator<ByteString> {
  const { counts } = countNames(tree);
  const numbers = new Map<Inode, number>();
  yield '#mtree\n';
  for (const entry of walkTree(tree)) {
    const { inode, path } = entry;
    const name = path === '' ? '.' : `./${escapeName(path)}`;
    const words = [name, ...keywords(entry)];
    const links = counts.get(inode);
    if (links !== undefined) {
      const number = numbers.get(inode) ?? numbers.size + 1;
      numbers.set(inode, number);
      words.push(`nlink=${links}`, `inode=${number}`);
    }
    yield `${words.join(' ')}\n`;
    for (const [xattr, value] of [...inode.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
      yield `#xattr ${name} ${escapeName(xattr)}=${Buffer.from(value).toString('base64')}\n`;
    }
  }
}

function keywords({ inode }: TreeEntry): string[] {
  const { type, mode, uid, gid, mtime, mtimeNs } = inode;
  const words = [
    `type=${TYPES[type]}`,
    `mode=0${mode.toString(8)}`,
    `uid=${uid}`,
    `gid=${gid}`,
    `time=${mtime}.${String(mtimeNs).padStart(9, '0')}`,
  ];
  if (inode.type === 'file') words.push(`size=${inode.size}`);
  if (inode.type === 'symlink') words.push(`link=${escapeName(inode.target)}`);
  if ('devMajor' in inode) words.push(`device=linux,${inode.devMajor},${inode.devMinor}`);
  return words;
}

/** vis(3) with VIS_OCTAL: whatever could end or change a word becomes a backslash and three octal digits. */
function escapeName(name: ByteString): ByteString {
  return name.replace(
    /[^!-~]|[#*=?[\\\]]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
