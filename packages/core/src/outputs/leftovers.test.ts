import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeLeftovers } from './leftovers.ts';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.ts';
import { temporaryName } from './temporary-name.ts';

let directory: string;
let target: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ocirender-leftovers-'));
  target = join(directory, 'out');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The number of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

/** A temporary name that another process would have made. */
function nameOf(owner: Partial<ProcessIdentity>, role: 'tmp' | 'old' = 'tmp'): string {
  const own = ownIdentity();
  const { boot, namespace, pid, started } = { ...own, ...owner };
  const tail = (of: ProcessIdentity): string =>
    `${of.boot}${of.namespace}-${of.pid.toString(36)}-${of.started.toString(36)}-`;
  const made = temporaryName(target, role);
  return join(dirname(made), basename(made).replace(tail(own), tail({ boot, namespace, pid, started })));
}

describe('removeLeftovers', () => {
  it('removes what a dead process was writing, trees and files beside them', async () => {
    const left = nameOf({ pid: deadPid() });
    mkdirSync(join(left, 'locked/deep'), { recursive: true, mode: 0o500 });
    writeFileSync(`${left}.mtree`, '');
    writeFileSync(nameOf({ started: ownIdentity().started + 1 }), 'the number has another process now');
    writeFileSync(join(directory, '.out.precious.tmp'), '');
    await removeLeftovers(target, 0);
    expect(readdirSync(directory)).toEqual(['.out.precious.tmp']);
  });

  it('leaves what living processes write, and what other containers may', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(child, 'spawn');
    const names = [nameOf({}), nameOf({ namespace: '00000000', pid: deadPid() })];
    for (const name of names) writeFileSync(name, '');
    await removeLeftovers(target, 0);
    expect(readdirSync(directory).sort()).toEqual(names.map((name) => basename(name)).sort());
    expect(livenessOf({ ...ownIdentity(), pid: child.pid!, started: 1 })).toBe('dead');
    child.kill();
  });

  it('removes what was written before this boot, on a filesystem that is only of this machine', async () => {
    // A temporary directory is on one, as a rule; the rule for others is the answer `other-boot`.
    writeFileSync(nameOf({ boot: '00000000' }), '');
    expect(livenessOf({ ...ownIdentity(), boot: '00000000' })).toBe('other-boot');
    await removeLeftovers(target, 0);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('puts back an output that had stepped aside, unless there is a new one', async () => {
    const old = nameOf({ pid: deadPid() }, 'old');
    mkdirSync(join(old, 'content'), { recursive: true });
    await removeLeftovers(target, 0);
    expect(readdirSync(directory)).toEqual(['out']);
    expect(readdirSync(target)).toEqual(['content']);
    mkdirSync(nameOf({ pid: deadPid() }, 'old'));
    await removeLeftovers(target, 0);
    expect(readdirSync(directory)).toEqual(['out']);
    expect(readdirSync(target)).toEqual(['content']);
  });
});
