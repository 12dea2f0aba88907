import { createHash } from 'node:crypto';
import type { ByteString } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from '../../../sink-compliance/src/index.ts';
import type { ExpectedBytes, ExpectedCaseTree, ExpectedEntry } from './case-fixtures.ts';

/** What a format cannot hold. */
export interface CaseReading {
  /** Whole seconds from 1970 to 2106 only. */
  readonly wholeSeconds?: boolean;
  /** Beginnings of the names of the xattrs that are kept. @defaultValue all */
  readonly xattrPrefixes?: readonly string[];
}

const TYPES = {
  file: 'file',
  dir: 'directory',
  symlink: 'symlink',
  char: 'character-device',
  block: 'block-device',
  fifo: 'fifo',
} as const;

/**
 * Compares a tree with what a case asks for.
 *
 * @returns one line for each difference
 */
export function compareCase(tree: ReadTree, expected: ExpectedCaseTree, reading: CaseReading = {}): string[] {
  const actual = new Map([...tree].map(([path, entry]) => [path === '' ? '.' : asText(path), entry]));
  const differences: string[] = [];
  for (const [path, wanted] of Object.entries(expected)) {
    const found = actual.get(path);
    if (found === undefined) differences.push(`${path}: missing`);
    else
      for (const line of compareEntry(found, wanted, actual, reading)) differences.push(`${path}: ${line}`);
  }
  for (const path of actual.keys()) {
    if (path !== '.' && !Object.hasOwn(expected, path)) differences.push(`${path}: unexpected`);
  }
  return differences;
}

/** Names are written as text where they are UTF-8, else as latin-1. */
function asText(bytes: ByteString): string {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return Buffer.from(text, 'utf8').toString('latin1') === bytes ? text : bytes;
}

function* compareEntry(
  found: ReadEntry,
  wanted: ExpectedEntry,
  actual: ReadonlyMap<string, ReadEntry>,
  reading: CaseReading,
): Generator<string> {
  if (found.type !== TYPES[wanted.type]) yield `is a ${found.type}, not a ${wanted.type}`;
  if (wanted.mode !== undefined && found.mode !== wanted.mode) yield differ('mode', found.mode, wanted.mode);
  if (wanted.uid !== undefined && found.uid !== wanted.uid) yield differ('uid', found.uid, wanted.uid);
  if (wanted.gid !== undefined && found.gid !== wanted.gid) yield differ('gid', found.gid, wanted.gid);
  yield* compareTime(found, wanted, reading.wholeSeconds === true);
  if (wanted.size !== undefined && found.size !== wanted.size) yield differ('size', found.size, wanted.size);
  if (wanted.data !== undefined) {
    const { sha256, len } = identify(wanted.data);
    if (found.size !== len || found.sha256 !== sha256)
      yield differ('data', `${found.size} bytes`, `${len} bytes`);
  }
  if (wanted.link !== undefined && asText(found.target ?? '') !== wanted.link)
    yield differ('link', found.target, wanted.link);
  if (wanted.dev !== undefined && `${found.devMajor},${found.devMinor}` !== wanted.dev.join(',')) {
    yield differ('dev', `${found.devMajor},${found.devMinor}`, wanted.dev.join(','));
  }
  if (wanted.xattrs !== undefined) yield* compareXattrs(found, wanted.xattrs, reading);
  if (wanted.hard !== undefined && actual.get(wanted.hard)?.inode !== found.inode)
    yield `is no hard link of ${wanted.hard}`;
  if (wanted.nothard !== undefined && actual.get(wanted.nothard)?.inode === found.inode) {
    yield `is a hard link of ${wanted.nothard}`;
  }
}

function* compareTime(found: ReadEntry, wanted: ExpectedEntry, wholeSeconds: boolean): Generator<string> {
  if (wanted.mtime !== undefined) {
    const second = wholeSeconds ? Math.min(Math.max(wanted.mtime, 0), 2 ** 32 - 1) : wanted.mtime;
    if (found.mtime !== second) yield differ('mtime', found.mtime, second);
  }
  if (wanted.mtime_ns !== undefined) {
    const nanoseconds = BigInt(found.mtime) * 1_000_000_000n + BigInt(found.mtimeNs);
    const exact = BigInt(wanted.mtime_ns);
    const held = wholeSeconds ? exact - (exact % 1_000_000_000n) : exact;
    if (nanoseconds !== held) yield differ('mtime_ns', nanoseconds, held);
  }
}

function* compareXattrs(
  found: ReadEntry,
  wanted: Readonly<Record<string, ExpectedBytes>>,
  { xattrPrefixes = [''] }: CaseReading,
): Generator<string> {
  const held = Object.entries(wanted).filter(([name]) =>
    xattrPrefixes.some((prefix) => name.startsWith(prefix)),
  );
  const names = held.map(([name]) => name).sort();
  const foundNames = [...found.xattrs.keys()].sort();
  if (foundNames.join(' ') !== names.join(' ')) yield differ('xattrs', foundNames.join(' '), names.join(' '));
  for (const [name, value] of held) {
    const bytes = found.xattrs.get(name);
    if (bytes !== undefined && sha256(bytes) !== identify(value).sha256) yield `xattr ${name} differs`;
  }
}

function identify(expected: ExpectedBytes): { sha256: string; len: number } {
  if (typeof expected !== 'string') return expected;
  const bytes = Buffer.from(expected, 'utf8');
  return { sha256: sha256(bytes), len: bytes.length };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function differ(what: string, found: unknown, wanted: unknown): string {
  return `${what} is ${String(found)}, not ${String(wanted)}`;
}
