import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who writes: enough to find out later, perhaps from elsewhere, whether that process still lives. */
export interface ProcessIdentity {
  /** Names this boot of this kernel (by host name where there is no `/proc`): 8 hexadecimal digits. */
  readonly boot: string;
  /** Names the PID namespace: 8 hexadecimal digits. */
  readonly namespace: string;
  readonly pid: number;
  /** Clock ticks between boot and the process's start; 0 where that is not known. */
  readonly started: number;
}

/** What is known of a process. */
export type Liveness =
  | 'alive'
  | 'dead'
  /** It is (or was) one of another container that this kernel runs: its number means nothing here. */
  | 'elsewhere'
  /** It belongs to another kernel, or to this one before it was booted. */
  | 'other-boot';

let own: ProcessIdentity | undefined;

/**
 * Gives the identity of this process.
 *
 * @returns always the same
 */
export function ownIdentity(): ProcessIdentity {
  own ??= {
    boot: short(tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')) ?? hostname()),
    namespace: short(tryRead(() => readlinkSync('/proc/self/ns/pid')) ?? ''),
    pid: process.pid,
    started: startOf(process.pid) ?? 0,
  };
  return own;
}

/**
 * Finds out whether a process lives.
 *
 * @param identity - as {@link ownIdentity} gave it to the process
 * @param self - this process
 * @returns what can be known from here
 */
export function livenessOf(identity: ProcessIdentity, self: ProcessIdentity = ownIdentity()): Liveness {
  if (identity.boot !== self.boot) return 'other-boot';
  if (identity.namespace !== self.namespace) return 'elsewhere';
  const started = startOf(identity.pid);
  if (started !== undefined) {
    // The number may be another process's by now.
    return started === identity.started ? 'alive' : 'dead';
  }
  try {
    process.kill(identity.pid, 0);
    return 'alive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'alive';
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the second is a name in brackets that may hold anything. */
function startOf(pid: number): number | undefined {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie writes no more.
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
