import { defineConfig } from 'vitest/config';

/** Tests that need root, Linux and the system tools that `.ci/run` installs; a missing one is a failure. */
export default defineConfig({
  resolve: { conditions: ['@ocirender/source'] },
  ssr: { resolve: { conditions: ['@ocirender/source'] } },
  test: {
    include: ['e2e/**/*.e2e.test.ts'],
    // Each test keeps both cores and the disk busy.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 1_800_000,
  },
});
