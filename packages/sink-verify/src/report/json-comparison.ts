import { displayPath } from '@ocirender/interface';
import type { Comparison } from './comparison.ts';
import type { Difference } from './difference.ts';

/**
 * Makes a comparison ready for JSON: paths, link targets and attribute names become readable text, paths begin with a
 * slash.
 *
 * @param comparison - what was found
 * @returns a copy
 */
export function jsonComparison(comparison: Comparison): Comparison {
  return {
    ...comparison,
    differences: comparison.differences.map(jsonDifference),
    ignoredPaths: comparison.ignoredPaths.map((ignored) => ({ ...ignored, path: rooted(ignored.path) })),
  };
}

function jsonDifference(difference: Difference): Difference {
  const { path, kind, subject, reference, attribute } = difference;
  const shown =
    kind === 'link-target'
      ? (value: string | number | null): string => displayPath(String(value))
      : kind === 'link-group'
        ? (value: string | number | null): string => rooted(String(value))
        : (value: string | number | null): string | number | null => value;
  return {
    ...difference,
    path: rooted(path),
    subject: shown(subject),
    reference: shown(reference),
    ...(attribute === undefined ? {} : { attribute: displayPath(attribute) }),
  };
}

function rooted(path: string): string {
  return `/${displayPath(path)}`;
}
