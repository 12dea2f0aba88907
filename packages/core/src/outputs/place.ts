import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** Where a file or directory is (or would be), so that two names of one place are known as such. */
export interface Place {
  /** With all symbolic links resolved, but for the last name where it was asked to stay. */
  readonly path: string;
  /** Device and inode; undefined where nothing is. */
  readonly id: string | undefined;
  /** Device and inode of each directory above. */
  readonly above: readonly string[];
  /** Path on its own filesystem, whatever it is mounted (or bound) to; undefined where that is not known. */
  readonly onDevice: string | undefined;
  /** Whether a filesystem is mounted exactly there. */
  readonly isMountPoint: boolean;
}

/** How one place lies to another. */
export type Relation = 'is' | 'contains' | 'lies in';

/**
 * Finds a place.
 *
 * @param path - anything; what does not exist is placed where it would be
 * @param follow - whether a symbolic link at its end counts as what it leads to
 */
export async function placeOf(path: string, follow: boolean): Promise<Place> {
  const real = await resolved(resolve(path), follow);
  const above: string[] = [];
  for (let up = dirname(real), last = real; up !== last; last = up, up = dirname(up)) {
    const id = await idOf(up, true);
    if (id !== undefined) above.push(id);
  }
  const mount = mountOf(real, await mounts());
  return {
    path: real,
    id: await idOf(real, follow),
    above,
    onDevice: mount === undefined ? undefined : mount.device + slashed(mount.root, real, mount.point),
    isMountPoint: mount?.point === real,
  };
}

/**
 * Says how one place lies to another, whatever names they were given by.
 *
 * @returns `contains` when `a` contains `b`; undefined when they have nothing to do with each other
 */
export function relationOf(a: Place, b: Place): Relation | undefined {
  if (a.path === b.path || (a.id !== undefined && a.id === b.id) || isEqual(a.onDevice, b.onDevice)) {
    return 'is';
  }
  if (isBelow(b, a)) return 'contains';
  return isBelow(a, b) ? 'lies in' : undefined;
}

function isEqual(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && a === b;
}

function isBelow(inner: Place, outer: Place): boolean {
  if (startsBelow(inner.path, outer.path)) return true;
  if (outer.id !== undefined && inner.above.includes(outer.id)) return true;
  return (
    inner.onDevice !== undefined &&
    outer.onDevice !== undefined &&
    startsBelow(inner.onDevice, outer.onDevice)
  );
}

function startsBelow(inner: string, outer: string): boolean {
  return inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}

/** Resolves as much of a path as exists. */
async function resolved(path: string, follow: boolean): Promise<string> {
  if (follow) {
    const whole = await realpath(path).catch(() => undefined);
    if (whole !== undefined) return whole;
  }
  const parent = dirname(path);
  return parent === path ? path : join(await resolved(parent, true), basename(path));
}

async function idOf(path: string, follow: boolean): Promise<string | undefined> {
  const stats = await (follow ? stat : lstat)(path, { bigint: true }).catch(() => undefined);
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

interface Mount {
  readonly device: string;
  /** What of the filesystem is mounted. */
  readonly root: string;
  readonly point: string;
}

/** proc(5), /proc/PID/mountinfo: number, parent, device, root, mount point, … */
async function mounts(): Promise<Mount[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [, , device, root, point] = line.split(' ');
    if (device === undefined || root === undefined || point === undefined) return [];
    return [{ device, root: unescaped(root), point: unescaped(point) }];
  });
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mount that a path is on: the deepest, and of several at one point the last. */
function mountOf(path: string, all: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of all) {
    const covers = path === mount.point || startsBelow(path, mount.point);
    if (covers && (found === undefined || mount.point.length >= found.point.length)) found = mount;
  }
  return found;
}

/** `/root/rest` of a path below a mount point. */
function slashed(root: string, path: string, point: string): string {
  const rest = path.slice(point === '/' ? 0 : point.length);
  const joined = join('/', root, rest);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}
