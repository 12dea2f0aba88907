import { readdir, rename, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { livenessOf } from './process-identity.ts';
import { removeTree } from './remove-tree.ts';
import { isAbsent } from './replacement.ts';
import { parseTemporaryName, type TemporaryName } from './temporary-name.ts';

/**
 * Filesystems that one kernel alone has mounted at a time (statfs(2), linux/magic.h): ext2 to ext4, XFS, btrfs, tmpfs, ramfs,
 * overlayfs, F2FS, ZFS, bcachefs, JFS, FAT, exFAT. What a process of an earlier boot left there is nobody's any more; on NFS, 9p
 * or virtiofs it may be another machine's.
 */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0xf2f52010, 0x2fc12fc1, 0xca451a4e,
  0x3153464a, 0x4d44, 0x2011bab0,
]);

/**
 * Cleans up after runs to the same output that were killed: removes what they were writing, and puts back an old output
 * that had stepped aside when there is none in its place. What a living process writes, and what may be one's of another
 * container or machine, stays.
 *
 * @param target - path of the output
 * @param room - as given to `temporaryName`
 */
export async function removeLeftovers(target: string, room: number): Promise<void> {
  const directory = dirname(target);
  const names = await readdir(directory).catch((): string[] => []);
  for (const name of names) {
    const parts = parseTemporaryName(name, target, room);
    if (parts === undefined || !(await isAbandoned(parts, directory))) continue;
    const path = join(directory, name);
    if (parts.role === 'old' && parts.rest === '' && (await isAbsent(target).catch(() => false))) {
      await rename(path, target).catch(() => undefined);
    } else await removeTree(path).catch(() => undefined);
  }
}

async function isAbandoned({ owner }: TemporaryName, directory: string): Promise<boolean> {
  const liveness = livenessOf(owner);
  if (liveness !== 'other-boot') return liveness === 'dead';
  const type = await statfs(directory).then(
    (stats) => stats.type,
    () => 0,
  );
  return LOCAL.has(type);
}
