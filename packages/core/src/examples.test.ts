import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));
const names = readdirSync(PACKAGES).filter((name) => existsSync(`${PACKAGES}${name}/package.json`));

/** The examples import what is built, as users do: `pnpm test` builds first. */
test.each(names)('the example of %s runs', async (name) => {
  const { stdout } = await promisify(execFile)(process.execPath, [`${PACKAGES}${name}/examples/basic.js`]);
  expect(stdout.trim()).not.toBe('');
});

test.each(names)('%s has a README', (name) => {
  expect(existsSync(`${PACKAGES}${name}/README.md`)).toBe(true);
});
