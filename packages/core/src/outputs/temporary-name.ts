import { createHash, randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { ownIdentity, type ProcessIdentity } from './process-identity.ts';

/** What a temporary name is for: an output that is being written, or an old one that steps aside. */
export type TemporaryRole = 'tmp' | 'old';

/** A temporary name, taken apart. */
export interface TemporaryName {
  readonly role: TemporaryRole;
  /** Who made it. */
  readonly owner: ProcessIdentity;
  /** What follows, such as the ending of a file beside the output. */
  readonly rest: string;
}

/** Shorter names need not fit into what the output's own name takes: every filesystem allows this much. */
const SHORT_NAME = 100;

const FORM = /^([0-9a-f]{8})([0-9a-f]{8})-([0-9a-z]{1,8})-([0-9a-z]{1,11})-[0-9a-f]{6}\.(tmp|old)(.*)$/s;

/**
 * Makes a name beside an output that nobody else has, and that says who made it.
 *
 * @param target - the output
 * @param role - what it is for
 * @param room - bytes to leave free for endings that others append
 * @returns a path in the same directory, whose name is no longer than the output's, or is short
 */
export function temporaryName(target: string, role: TemporaryRole, room = 0): string {
  const { boot, namespace, pid, started } = ownIdentity();
  const tail = `${boot}${namespace}-${pid.toString(36)}-${started.toString(36)}-${randomBytes(3).toString('hex')}.${role}`;
  return join(dirname(target), stem(basename(target), room) + tail);
}

/**
 * Tells whether a name is a temporary one of an output.
 *
 * @param name - a file's name
 * @param target - path of the output
 * @param room - as it was given to {@link temporaryName}
 * @returns its parts; undefined when it is something else
 */
export function parseTemporaryName(name: string, target: string, room = 0): TemporaryName | undefined {
  const start = stem(basename(target), room);
  if (!name.startsWith(start)) return undefined;
  const match = FORM.exec(name.slice(start.length));
  if (match === null) return undefined;
  const [, boot, namespace, pid, started, role, rest] = match as unknown as [string, ...string[]];
  return {
    role: role as TemporaryRole,
    owner: {
      boot: boot!,
      namespace: namespace!,
      pid: Number.parseInt(pid!, 36),
      started: Number.parseInt(started!, 36),
    },
    rest: rest!,
  };
}

/** Longest tail: 16 + 1 + 8 + 1 + 11 + 1 + 6 + 4 bytes. */
const TAIL = 48;

/** `.NAME.`, or the beginning of a name that is too long and a digest of it. */
function stem(name: string, room: number): string {
  const bytes = Buffer.byteLength(name);
  const allowed = Math.max(bytes, SHORT_NAME) - TAIL - room - 2;
  if (bytes <= allowed) return `.${name}.`;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  let kept = '';
  let left = allowed - digest.length - 1;
  for (const character of name) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    kept += character;
  }
  return `.${kept}~${digest}.`;
}
