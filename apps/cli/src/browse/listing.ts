import { type ByteString, displayPath, type ImageNode } from '@ocirender/interface';
import { modeString } from './mode-string.ts';

/** One name of a listing. */
export interface ListedEntry {
  readonly path: ByteString;
  readonly node: ImageNode;
}

/** One name as `ocirender ls --json` prints it. */
export interface JsonEntry {
  /** From the root, with a leading slash; bytes that are no text are escaped. */
  readonly path: string;
  readonly type: ImageNode['type'];
  /** Octal, four digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size?: number;
  /** Seconds since the epoch, rounded down, and nanoseconds to add. */
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly links?: number;
  readonly target?: string;
  readonly device?: string;
  /** Values in base64, by name. */
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly sha256?: string;
}

/**
 * Makes a name ready for JSON.
 *
 * @param entry - a name
 */
export function jsonEntry({ path, node }: ListedEntry): JsonEntry {
  const { type, mode, uid, gid, mtime, mtimeNs, links, sha256 } = node;
  return {
    path: `/${displayPath(path)}`,
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    ...(type === 'file' ? { size: node.size } : {}),
    mtime,
    mtimeNs,
    ...(links === undefined ? {} : { links }),
    ...(type === 'symlink' ? { target: displayPath(node.target) } : {}),
    ...(isDevice(node) ? { device: `${node.devMajor}:${node.devMinor}` } : {}),
    ...(node.xattrs.size === 0 ? {} : { xattrs: jsonXattrs(node) }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

function jsonXattrs(node: ImageNode): Record<string, string> {
  const pairs = [...node.xattrs].map(([name, value]) => [
    displayPath(name),
    Buffer.from(value).toString('base64'),
  ]);
  return Object.fromEntries(pairs);
}

/**
 * Writes names as `ls -l` does; columns are as wide as the widest value.
 *
 * @param entries - the names
 * @param shown - how a name is written: whole paths, or last components
 * @returns lines
 */
export function listingLines(
  entries: readonly ListedEntry[],
  shown: (entry: ListedEntry) => string,
): string[] {
  const rows = entries.map((entry) => cells(entry.node));
  const widths = [0, 1, 2, 3, 4].map((column) =>
    rows.reduce((width, row) => Math.max(width, row[column]!.length), 0),
  );
  return entries.map((entry, index) => {
    const padded = rows[index]!.map((cell, column) =>
      // Owners to the left, numbers to the right.
      column === 2 || column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    const target = entry.node.type === 'symlink' ? ` -> ${displayPath(entry.node.target)}` : '';
    return `${padded.filter((_, column) => widths[column]! > 0).join(' ')} ${shown(entry)}${target}`;
  });
}

function cells(node: ImageNode): string[] {
  return [
    modeString(node) + (node.xattrs.size === 0 ? '' : '+'),
    node.links === undefined ? '' : String(node.links),
    `${node.uid}/${node.gid}`,
    isDevice(node) ? `${node.devMajor}, ${node.devMinor}` : String(node.size),
    timeCell(node),
  ];
}

function timeCell({ mtime }: ImageNode): string {
  const time = new Date(mtime * 1000);
  if (Number.isNaN(time.getTime())) return `@${mtime}`;
  return time
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '');
}

function isDevice({ type }: ImageNode): boolean {
  return type === 'character-device' || type === 'block-device';
}
