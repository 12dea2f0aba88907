import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { run } from './support/run.ts';

const BOOT = fileURLToPath(new URL('../examples/boot-cpio/boot.sh', import.meta.url));

beforeAll(() => ensureImages(['debian']));

// Emulated it takes 14 s (2 cores, 2026-11), and 10 s more where /dev/kvm is there and does not work.
test('a Debian image boots as initramfs, and its shell prints a line', async () => {
  const { code, stdout, stderr } = await run('bash', [BOOT, join(IMAGE_DIRECTORY, 'debian')]);
  expect(code, stderr).toBe(0);
  expect(stdout.trim()).toBe('ocirender-boot: this is Linux');
});
