import { redactUserinfo } from '@ocirender/interface';
import type { RegistryEvent } from '@ocirender/registry';
import { formatDuration } from '../report/units.ts';

/** Waits shorter than this are not worth a line. */
const MIN_SHOWN_MS = 1000;

/**
 * Writes what a user should know while something is fetched: that it has to be tried again, that a server is
 * waited for, or that a mirror fails.
 *
 * @param event - any event
 * @returns a line, or undefined for events that say nothing of the kind
 */
export function registryEventLine(event: RegistryEvent): string | undefined {
  if (event.type === 'mirror-failed')
    return `note: the mirror ${event.host} fails: ${redactUserinfo(event.reason)}`;
  if (event.type === 'unverified') {
    return `Warning: the certificate of ${event.host} is not checked (${event.because}): whoever is on the way can read and change what is sent.`;
  }
  if (event.type === 'alias') return `note: ${event.name} is ${event.meaning}, by ${event.file}`;
  if (event.type === 'warning') return `Warning: ${event.host} says: ${event.text}`;
  if (event.type === 'waiting') {
    const { where, waitedMs, limitMs } = event;
    return `note: ${redactUserinfo(where)}: nothing came for ${formatDuration(waitedMs)}; waiting for up to ${formatDuration(limitMs)} (--timeout)`;
  }
  if (event.type !== 'retry' || (event.delayMs < MIN_SHOWN_MS && event.attempt === 1)) return undefined;
  return `note: ${redactUserinfo(event.reason)}; again in ${formatDuration(event.delayMs)}`;
}
