import { type ImageNode, NO_XATTRS } from '@ocirender/interface';
import type { Difference, DifferenceField } from '../report/difference.ts';
import { formatTime, type TimeComparer } from './times.ts';

/** Bytes of an attribute's value that a report shows. */
const SHOWN_VALUE = 4096;

/** A difference whose path the caller knows. */
export type NodeDifference = Omit<Difference, 'path'>;

/**
 * Compares two inodes of one type: all but contents and link groups.
 *
 * @param subject - the subject's
 * @param reference - the reference's
 * @param times - how times are compared
 * @param counts - whether a field counts
 * @param found - takes the differences
 */
export function compareNodes(
  subject: ImageNode,
  reference: ImageNode,
  times: TimeComparer,
  counts: (field: DifferenceField) => boolean,
  found: (difference: NodeDifference) => void,
): void {
  const { type } = subject;
  // Linux gives every symbolic link the mode 0777, whatever a form stores.
  if (subject.mode !== reference.mode && type !== 'symlink' && counts('mode')) {
    found({ kind: 'mode', subject: formatMode(subject.mode), reference: formatMode(reference.mode) });
  }
  for (const kind of ['uid', 'gid'] as const) {
    if (subject[kind] !== reference[kind] && counts(kind)) {
      found({ kind, subject: subject[kind], reference: reference[kind] });
    }
  }
  if (type === 'file' && subject.size !== reference.size && counts('size')) {
    found({ kind: 'size', subject: subject.size, reference: reference.size });
  }
  if (counts('mtime') && !times.equal(subject, reference)) {
    found({ kind: 'mtime', subject: formatTime(subject), reference: formatTime(reference) });
  }
  if (subject.target !== reference.target && type === 'symlink' && counts('link-target')) {
    found({ kind: 'link-target', subject: subject.target, reference: reference.target });
  }
  const isDevice = type === 'character-device' || type === 'block-device';
  if (
    isDevice &&
    (subject.devMajor !== reference.devMajor || subject.devMinor !== reference.devMinor) &&
    counts('device')
  ) {
    found({ kind: 'device', subject: formatDevice(subject), reference: formatDevice(reference) });
  }
  if (subject.xattrs !== NO_XATTRS || reference.xattrs !== NO_XATTRS) {
    if (counts('xattrs')) compareXattrs(subject, reference, found);
  }
}

function compareXattrs(
  subject: ImageNode,
  reference: ImageNode,
  found: (difference: NodeDifference) => void,
): void {
  const names = new Set([...subject.xattrs.keys(), ...reference.xattrs.keys()]);
  for (const name of [...names].sort()) {
    const a = subject.xattrs.get(name);
    const b = reference.xattrs.get(name);
    if (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0) continue;
    found({ kind: 'xattrs', attribute: name, ...shownValues(a, b) });
  }
}

function shownValues(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
): { readonly subject: string | null; readonly reference: string | null } {
  const show = (value: Uint8Array | undefined): string | null => {
    if (value === undefined) return null;
    const hex = Buffer.from(value.subarray(0, SHOWN_VALUE)).toString('hex');
    return value.length > SHOWN_VALUE ? `${hex}… (${value.length} bytes)` : hex;
  };
  return { subject: show(a), reference: show(b) };
}

function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function formatDevice({ devMajor, devMinor }: ImageNode): string {
  return `${devMajor}:${devMinor}`;
}
