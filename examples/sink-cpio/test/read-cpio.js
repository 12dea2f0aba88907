// Reads newc archives for the tests: written after cpio(5), shares nothing with the writer.

/** @import { ReadEntry, ReadTree } from '@ocirender/sink-compliance' */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** @type {Readonly<Record<number, ReadEntry['type']>>} */
const TYPES = {
  1: 'fifo',
  2: 'character-device',
  4: 'directory',
  6: 'block-device',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

/**
 * Reads an archive as the facts that the suite compares.
 *
 * @param {string} path
 * @returns {Promise<ReadTree>}
 */
export async function readCpio(path) {
  const archive = await readFile(path);
  /** @type {Map<string, ReadEntry>} */
  const tree = new Map();
  /** The files with contents, by inode number: only one name of an inode has them. */
  const contents = new Map();
  if (archive.length % 512 !== 0) throw new Error(`${archive.length} bytes are no multiple of 512`);
  for (let at = 0; ; ) {
    if (archive.toString('latin1', at, at + 6) !== '070701') throw new Error(`no magic at ${at}`);
    /** @param {number} index */
    const field = (index) => {
      const digits = archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8);
      if (!/^[0-9a-f]{8}$/.test(digits)) throw new Error(`"${digits}" is no number, at ${at}`);
      return Number.parseInt(digits, 16);
    };
    const [inode, mode, size, nameBytes] = [field(0), field(1), field(6), field(11)];
    const name = archive.toString('latin1', at + 110, at + 110 + nameBytes - 1);
    if (archive[at + 110 + nameBytes - 1] !== 0) throw new Error(`${name} has no NUL`);
    const start = Math.ceil((at + 110 + nameBytes) / 4) * 4;
    const next = Math.ceil((start + size) / 4) * 4;
    if (next > archive.length) throw new Error(`${name} ends at ${next} of ${archive.length}`);
    if (name === 'TRAILER!!!') {
      if (archive.subarray(next).some((byte) => byte !== 0)) throw new Error('data after the end');
      break;
    }
    const isLater = tree.size > 0;
    const file = name === '.' ? '' : name.replace(/^\.\//, '');
    const parent = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '';
    if (tree.has(file)) throw new Error(`${file} occurs twice`);
    if (isLater && tree.get(parent)?.type !== 'directory') throw new Error(`${file} comes before its parent`);
    const type = TYPES[mode >> 12];
    if (type === undefined) throw new Error(`${name} is of no known type`);
    const data = archive.subarray(start, start + size);
    if (type === 'file' && (size > 0 || !contents.has(inode))) {
      contents.set(inode, { size, sha256: createHash('sha256').update(data).digest('hex') });
    }
    tree.set(file, {
      type,
      inode,
      mode: mode & 0o7777,
      uid: field(2),
      gid: field(3),
      links: field(4),
      mtime: field(5),
      mtimeNs: 0,
      xattrs: new Map(),
      ...(type === 'symlink' ? { target: data.toString('latin1') } : {}),
      ...(type.endsWith('device') ? { devMajor: field(9), devMinor: field(10) } : {}),
    });
    at = next;
  }
  for (const [name, entry] of tree) {
    if (entry.type === 'file') tree.set(name, { ...entry, ...contents.get(entry.inode) });
  }
  return tree;
}
