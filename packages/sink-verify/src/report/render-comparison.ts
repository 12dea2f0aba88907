import { displayPath } from '@ocirender/interface';
import type { Comparison } from './comparison.ts';
import type { Difference, DifferenceKind } from './difference.ts';

/** What the two sides are called in a report. */
export interface ComparisonLabels {
  readonly subject: string;
  readonly reference: string;
}

const WIDTH = 12;

/**
 * Writes a comparison for people: the differences path by path, then a summary. Names and values are escaped; the
 * labels are printed as they are.
 *
 * @param comparison - what was found
 * @param labels - what to call the sides
 * @returns lines
 */
export function* renderComparison(comparison: Comparison, labels: ComparisonLabels): Generator<string> {
  let last: string | undefined;
  for (const difference of comparison.differences) {
    if (difference.path !== last) yield displayRooted(difference.path);
    last = difference.path;
    yield `  ${renderDifference(difference)}`;
  }
  if (comparison.differencesDropped > 0) yield `… and ${comparison.differencesDropped} more differences`;
  if (comparison.differences.length > 0) yield '';
  yield* summary(comparison, labels);
}

function renderDifference({ kind, subject, reference, attribute, offset }: Difference): string {
  switch (kind) {
    case 'only-in-subject':
      return `only in the subject (${subject})`;
    case 'only-in-reference':
      return `only in the reference (${reference})`;
    case 'unreadable': {
      const sides = [subject === null ? [] : ['subject'], reference === null ? [] : ['reference']].flat();
      return `cannot be listed in the ${sides.join(' and the ')} (${subject ?? reference})`;
    }
    case 'link-group':
      return row(kind, `same file as ${displayRooted(subject)}`, `as ${displayRooted(reference)}`);
    case 'link-target':
      return row(kind, displayPath(String(subject)), displayPath(String(reference)));
    case 'xattrs':
      return row(kind, `${displayPath(attribute ?? '')}: ${hexValue(subject)}`, hexValue(reference));
    case 'content': {
      const place = offset === undefined ? '' : `; first difference at byte ${offset}`;
      return `${row(kind, `sha256 ${subject}`, String(reference))}${place}`;
    }
    default:
      return row(kind, String(subject), String(reference));
  }
}

function row(kind: DifferenceKind, subject: string, reference: string): string {
  return `${kind.padEnd(WIDTH)} ${subject} | ${reference}`;
}

function hexValue(value: Difference['subject']): string {
  return value === null ? 'none' : `0x${value}`;
}

function displayRooted(path: Difference['subject']): string {
  return `/${displayPath(String(path))}`;
}

function* summary(comparison: Comparison, labels: ComparisonLabels): Generator<string> {
  const { subject, reference, counts, times } = comparison;
  yield `subject    ${labels.subject} (${subject.format}, ${plural(subject.names, 'name')})`;
  yield `reference  ${labels.reference} (${reference.format}, ${plural(reference.names, 'name')})`;
  yield `compared   ${plural(comparison.commonNames, 'common name')}, contents of ${plural(comparison.comparedFiles, 'file')} (${plural(comparison.comparedBytes, 'byte')})`;
  if (comparison.ignoredFields.length > 0) yield `ignored    ${comparison.ignoredFields.join(', ')}`;
  for (const words of comparison.ignoredMetadata) yield `ignored    ${words}`;
  for (const { path, side, reason } of comparison.ignoredPaths) {
    const where = side === 'both' ? 'in both' : `in the ${side} only`;
    yield `left out   ${displayRooted(path)} (${where}; ${displayPath(reason)})`;
  }
  if (comparison.ignoredPathsDropped > 0) yield `left out   ${comparison.ignoredPathsDropped} more names`;
  if (times.approximated > 0) {
    yield `times      of ${plural(times.approximated, 'name')} are equal only ${timeWords(times)}`;
  }
  if (counts.unreadable !== undefined) {
    yield `unread     ${counts.unreadable === 1 ? '1 directory' : `${counts.unreadable} directories`} that this user may not list: what is in there was compared with nothing`;
  }
  const kinds = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  yield comparison.equal
    ? 'equal'
    : `different  ${plural(comparison.differences.length + comparison.differencesDropped, 'difference')}: ${kinds.join(', ')}`;
}

function timeWords({ stepNs, minimum, maximum }: Comparison['times']): string {
  const step = stepNs === 1 ? 'to the nanosecond' : 'in whole seconds';
  if (minimum === undefined && maximum === undefined) return step;
  const date = (seconds: number): string => {
    const time = new Date(seconds * 1000);
    return Number.isNaN(time.getTime()) ? `${seconds} s` : time.toISOString().slice(0, 10);
  };
  const from = minimum === undefined ? '' : ` from ${date(minimum)}`;
  const to = maximum === undefined ? '' : ` to ${date(maximum)}`;
  return `${step} and within what both forms can hold${from}${to}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
