import { type ByteString, displayPath, type Xattrs } from '@ocirender/interface';
import type { SinkCapabilities } from './capabilities.ts';
import type { ReadEntry, ReadTree } from './read-tree.ts';

/** How many differences are worth reading. */
const SHOWN_DIFFERENCES = 20;

/**
 * Compares what a reader found with what it should have found.
 *
 * @param actual - what was read
 * @param expected - what was written, from `expectedTree`
 * @param capabilities - says which facts count
 * @returns one line for each difference, at most 20 and a line with the number of the rest; empty when equal
 */
export function compareTrees(actual: ReadTree, expected: ReadTree, capabilities: SinkCapabilities): string[] {
  const differences: string[] = [];
  const actualGroups = linkGroups(actual);
  const expectedGroups = linkGroups(expected);
  for (const [path, wanted] of expected) {
    const found = actual.get(path);
    if (found === undefined) {
      differences.push(`${shown(path)}: missing (${wanted.type})`);
      continue;
    }
    for (const line of compareEntries(found, wanted, path === '', capabilities))
      differences.push(`${shown(path)}: ${line}`);
    if (wanted.type === 'directory' || found.type !== wanted.type) continue;
    const group = actualGroups.get(path)!;
    const wantedGroup = expectedGroups.get(path)!;
    if (group !== wantedGroup)
      differences.push(`${shown(path)}: shares its inode with ${group}, not with ${wantedGroup}`);
  }
  for (const [path, { type }] of actual)
    if (!expected.has(path)) differences.push(`${shown(path)}: unexpected (${type})`);
  const more = differences.length - SHOWN_DIFFERENCES;
  return more > 0
    ? [...differences.slice(0, SHOWN_DIFFERENCES), `and ${more} more differences`]
    : differences;
}

function shown(path: ByteString): string {
  return `/${displayPath(path)}`;
}

/** Gives each path the sorted names of its inode, as text. */
function linkGroups(tree: ReadTree): Map<ByteString, string> {
  const names = new Map<string | number, ByteString[]>();
  for (const [path, { inode, type }] of tree) {
    if (type === 'directory') continue;
    const group = names.get(inode);
    if (group === undefined) names.set(inode, [path]);
    else group.push(path);
  }
  const groups = new Map<ByteString, string>();
  for (const paths of names.values()) {
    const text = paths.sort().map(shown).join(', ');
    for (const path of paths) groups.set(path, text);
  }
  return groups;
}

function* compareEntries(
  found: ReadEntry,
  wanted: ReadEntry,
  isRoot: boolean,
  capabilities: SinkCapabilities,
): Generator<string> {
  if (found.type !== wanted.type) {
    yield `is a ${found.type}, not a ${wanted.type}`;
    return;
  }
  for (const field of ['size', 'sha256', 'target', 'devMajor', 'devMinor'] as const) {
    if (found[field] !== wanted[field])
      yield `${field} is ${String(found[field])}, not ${String(wanted[field])}`;
  }
  if (found.links !== undefined && wanted.links !== undefined && found.links !== wanted.links) {
    yield `has ${found.links} links, not ${wanted.links}`;
  }
  if (isRoot && !capabilities.rootMetadata) return;
  // The kernel gives every symbolic link the same mode.
  if (wanted.type !== 'symlink' && found.mode !== wanted.mode) {
    yield `mode is 0${found.mode.toString(8)}, not 0${wanted.mode.toString(8)}`;
  }
  if (capabilities.owners && (found.uid !== wanted.uid || found.gid !== wanted.gid)) {
    yield `owner is ${found.uid}:${found.gid}, not ${wanted.uid}:${wanted.gid}`;
  }
  if (found.mtime !== wanted.mtime || found.mtimeNs !== wanted.mtimeNs) {
    yield `mtime is ${found.mtime} s + ${found.mtimeNs} ns, not ${wanted.mtime} s + ${wanted.mtimeNs} ns`;
  }
  yield* compareXattrs(found.xattrs, wanted.xattrs);
}

function* compareXattrs(found: Xattrs, wanted: Xattrs): Generator<string> {
  for (const [name, value] of wanted) {
    const other = found.get(name);
    if (other === undefined) yield `xattr ${displayPath(name)} is missing`;
    else if (Buffer.compare(other, value) !== 0)
      yield `xattr ${displayPath(name)} is ${hex(other)}, not ${hex(value)}`;
  }
  for (const [name, value] of found) {
    if (!wanted.has(name)) yield `xattr ${displayPath(name)} is unexpected (${hex(value)})`;
  }
}

function hex(value: Uint8Array): string {
  const text = Buffer.from(value.subarray(0, 32)).toString('hex');
  return value.length > 32 ? `${text}… (${value.length} bytes)` : `0x${text}`;
}
