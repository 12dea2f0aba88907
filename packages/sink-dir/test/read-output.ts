import { existsSync, readFileSync } from 'node:fs';
import { chmod, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inode } from '@ocirender/interface';
import { type ReadEntry, type ReadTree, readDirectory } from '../../sink-compliance/src/index.ts';
import { readXattrs } from './xattrs.ts';

const TYPES: Readonly<Record<string, Inode['type']>> = {
  file: 'file',
  dir: 'directory',
  link: 'symlink',
  char: 'character-device',
  block: 'block-device',
  fifo: 'fifo',
  socket: 'socket',
};

/** Undoes vis(3). */
export function unescapeName(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * Reads an output directory. What could not be applied comes from the mtree file, where there is one: with it
 * nothing at all may be missing.
 */
export async function readOutput(path: string): Promise<ReadTree> {
  const mtree = `${path}.mtree`;
  if (!existsSync(mtree)) return readDirectory(path, { xattrs: readXattrs });
  const lines = readFileSync(mtree, 'latin1').trimEnd().split('\n').slice(1);
  const xattrs = new Map<string, Map<string, Uint8Array>>();
  for (const line of lines) if (line.startsWith('#xattr ')) addXattr(xattrs, line);
  const described = new Map(
    lines.filter((line) => !line.startsWith('#')).map((line) => parseLine(line, xattrs)),
  );
  for (const [name, { type }] of described) {
    // Without root, modes can forbid reading: they are known from the file.
    if (type === 'directory' || type === 'file') await chmod(Buffer.from(join(path, name), 'latin1'), 0o700);
  }
  const found = await readDirectory(path);
  const result = new Map<string, ReadEntry>();
  for (const [name, entry] of described) {
    const there = found.get(name);
    const { links, inode } = there ?? {};
    result.set(name, {
      ...entry,
      ...(there?.sha256 === undefined ? {} : { sha256: there.sha256 }),
      ...(inode === undefined ? {} : { inode }),
      ...(links === undefined ? {} : { links }),
    });
  }
  for (const name of found.keys()) if (!described.has(name)) result.set(name, found.get(name)!);
  await lstat(path);
  return result;
}

function pathOf(name: string): string {
  return unescapeName(name).replace(/^\.\/?/, '');
}

function addXattr(xattrs: Map<string, Map<string, Uint8Array>>, line: string): void {
  const [, name, pair] = line.split(' ');
  const path = pathOf(name!);
  const equals = pair!.indexOf('=');
  if (!xattrs.has(path)) xattrs.set(path, new Map());
  xattrs
    .get(path)!
    .set(
      unescapeName(pair!.slice(0, equals)),
      new Uint8Array(Buffer.from(pair!.slice(equals + 1), 'base64')),
    );
}

function parseLine(line: string, xattrs: ReadonlyMap<string, Map<string, Uint8Array>>): [string, ReadEntry] {
  const [name, ...words] = line.split(' ');
  const path = pathOf(name!);
  const values = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    values.set(word.slice(0, equals), word.slice(equals + 1));
  }
  const number = (key: string): number => Number(values.get(key));
  const [seconds, nanoseconds] = values.get('time')!.split('.');
  const [, major, minor] = (values.get('device') ?? '').split(',');
  const type = TYPES[values.get('type')!]!;
  return [
    path,
    {
      type,
      mode: Number.parseInt(values.get('mode')!, 8),
      uid: number('uid'),
      gid: number('gid'),
      mtime: Number(seconds),
      mtimeNs: Number(nanoseconds),
      ...(type === 'file' ? { size: number('size') } : {}),
      ...(type === 'symlink' ? { target: unescapeName(values.get('link')!) } : {}),
      ...(major === undefined ? {} : { devMajor: Number(major), devMinor: Number(minor) }),
      xattrs: xattrs.get(path) ?? new Map(),
      inode: values.get('inode') ?? path,
      ...(type === 'directory' ? {} : { links: values.has('nlink') ? number('nlink') : 1 }),
    },
  ];
}
