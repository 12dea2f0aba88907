import { type ImageNode, NO_XATTRS, type WalkedName, type Xattrs } from '@ocirender/interface';

/** Names on their way between threads: a few large values are copied many times faster than many small objects. */
export interface NamesBatch {
  /** {@link FIELDS} numbers for each name. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Path and link target of each name, all separated by NUL, which neither can hold. */
  readonly strings: string;
  /** Attributes of those names that have any, by index. */
  readonly xattrs: readonly (readonly [index: number, xattrs: Xattrs])[];
  /** Digests that are known, by index. */
  readonly digests: readonly (readonly [index: number, sha256: string])[];
  /** Why directories could not be listed, by index. */
  readonly problems: readonly (readonly [index: number, reason: string])[];
}

/** Numbers of each name. */
const FIELDS = 11;

const TYPES: readonly ImageNode['type'][] = [
  'directory',
  'file',
  'symlink',
  'character-device',
  'block-device',
  'fifo',
  'socket',
];

/**
 * Packs names for another thread.
 *
 * @param names - as a walk gives them
 * @returns the batch; `numbers` may be transferred
 */
export function packNames(names: readonly WalkedName[]): NamesBatch {
  const numbers = new Float64Array(names.length * FIELDS);
  const strings: string[] = [];
  const xattrs: (readonly [number, Xattrs])[] = [];
  const digests: (readonly [number, string])[] = [];
  const problems: (readonly [number, string])[] = [];
  let at = 0;
  for (const [index, { path, node, unreadable }] of names.entries()) {
    numbers[at++] = TYPES.indexOf(node.type);
    numbers[at++] = node.id;
    numbers[at++] = node.size;
    numbers[at++] = node.devMajor;
    numbers[at++] = node.devMinor;
    numbers[at++] = node.links ?? -1;
    numbers[at++] = node.mode;
    numbers[at++] = node.uid;
    numbers[at++] = node.gid;
    numbers[at++] = node.mtime;
    numbers[at++] = node.mtimeNs;
    strings.push(path, node.target);
    if (node.xattrs.size > 0) xattrs.push([index, node.xattrs]);
    if (node.sha256 !== undefined) digests.push([index, node.sha256]);
    if (unreadable !== undefined) problems.push([index, unreadable]);
  }
  return { numbers, strings: strings.join('\0'), xattrs, digests, problems };
}

/**
 * Unpacks names from another thread.
 *
 * @param batch - what {@link packNames} made
 * @returns the names
 */
export function unpackNames(batch: NamesBatch): WalkedName[] {
  const { numbers } = batch;
  const strings = batch.strings.split('\0');
  const xattrs = new Map(batch.xattrs);
  const digests = new Map(batch.digests);
  const problems = new Map(batch.problems);
  return Array.from({ length: numbers.length / FIELDS }, (_, index) => {
    const at = index * FIELDS;
    const links = numbers[at + 5]!;
    const sha256 = digests.get(index);
    const node: ImageNode = {
      type: TYPES[numbers[at]!]!,
      id: numbers[at + 1]!,
      size: numbers[at + 2]!,
      devMajor: numbers[at + 3]!,
      devMinor: numbers[at + 4]!,
      mode: numbers[at + 6]!,
      uid: numbers[at + 7]!,
      gid: numbers[at + 8]!,
      mtime: numbers[at + 9]!,
      mtimeNs: numbers[at + 10]!,
      target: strings[2 * index + 1]!,
      xattrs: xattrs.get(index) ?? NO_XATTRS,
      ...(links < 0 ? {} : { links }),
      ...(sha256 === undefined ? {} : { sha256 }),
    };
    const unreadable = problems.get(index);
    return { path: strings[2 * index]!, node, ...(unreadable === undefined ? {} : { unreadable }) };
  });
}
