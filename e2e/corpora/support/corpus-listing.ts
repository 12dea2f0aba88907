import type { ReadEntry, ReadTree } from '../../../packages/sink-compliance/src/index.ts';
import { must } from '../../support/run.ts';

const TYPES: Readonly<Record<string, ReadEntry['type']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
  c: 'character-device',
  b: 'block-device',
  p: 'fifo',
};

/** Times of parents that no layer holds: the programs that made the listings left their own there. */
export const VOLATILE = Number.NaN;

/**
 * Reads a listing of the collection (its README and `listing.py` say how it is written).
 *
 * @returns the tree; volatile times are {@link VOLATILE}
 */
export async function readListing(path: string): Promise<ReadTree> {
  const lines = (await must('zstd', ['-dc', path])).split('\n').filter((line) => line !== '');
  const entries = lines.map((line) => parseLine(line.split('\t')));
  const names = new Map<ReadEntry['inode'], number>();
  for (const [, { inode }] of entries) names.set(inode, (names.get(inode) ?? 0) + 1);
  return new Map(
    entries.map(([name, entry]) => [
      name,
      entry.type === 'directory' ? entry : { ...entry, links: names.get(entry.inode)! },
    ]),
  );
}

function parseLine(cells: readonly string[]): [name: string, entry: ReadEntry] {
  const [path, type, mode, uid, gid, size, time, target, device, xattrs, sha256, first] = cells as [
    ...string[],
  ] & { length: 12 };
  const name = path === '.' ? '' : fromEscaped(path!);
  const [major, minor] = device!.split(':').map(Number);
  return [
    name,
    {
      type: TYPES[type!]!,
      mode: Number.parseInt(mode!, 8),
      uid: Number(uid),
      gid: Number(gid),
      ...parseTime(time!),
      inode: first === '-' ? name : fromEscaped(first!),
      xattrs: parseXattrs(xattrs!),
      ...(type === 'f' ? { size: Number(size), sha256: sha256! } : {}),
      ...(type === 'l' ? { target: fromEscaped(target!) } : {}),
      ...(device === '-' ? {} : { devMajor: major!, devMinor: minor! }),
    },
  ];
}

function fromEscaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function parseTime(text: string): { mtime: number; mtimeNs: number } {
  if (text === '*') return { mtime: VOLATILE, mtimeNs: 0 };
  const [seconds, nanoseconds = '0'] = text.split('.');
  return { mtime: Number(seconds), mtimeNs: Number(nanoseconds) };
}

function parseXattrs(text: string): Map<string, Uint8Array> {
  if (text === '-') return new Map();
  return new Map(
    text.split(';').map((pair) => {
      const cut = pair.lastIndexOf('=');
      return [fromEscaped(pair.slice(0, cut)), Buffer.from(pair.slice(cut + 1), 'hex')];
    }),
  );
}
