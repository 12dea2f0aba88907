import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Removes a directory whose modes may forbid it. */
export function makeRemovable(root: string): void {
  const pending = [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (!lstatSync(path).isDirectory()) continue;
    chmodSync(path, 0o700);
    for (const name of readdirSync(path, { encoding: 'latin1' })) {
      const child = Buffer.from(join(path, name), 'latin1').toString();
      try {
        if (lstatSync(child).isDirectory()) pending.push(child);
      } catch {
        // A name that is not UTF-8: no directory with such a name needs this.
      }
    }
  }
  rmSync(root, { recursive: true, force: true });
}
