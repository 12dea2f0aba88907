import { type Diagnostic, displayPath } from '@ocirender/interface';
import { shortDigest } from './units.ts';

/**
 * Writes one diagnostic as a line.
 *
 * @param diagnostic - a repair or deviation
 * @returns code, layer, path and message, safe for a terminal
 */
export function diagnosticLine(diagnostic: Diagnostic): string {
  const parts = [`note: ${diagnostic.code}:`];
  const path = diagnostic.path === undefined ? undefined : displayPath(diagnostic.path);
  if (path !== undefined && !diagnostic.message.includes(path)) parts.push(`${path}:`);
  parts.push(diagnostic.message);
  if (diagnostic.layer !== undefined) parts.push(`(layer ${shortDigest(diagnostic.layer)})`);
  return parts.join(' ');
}
