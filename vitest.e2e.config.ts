import { defineConfig } from 'vitest/config';

/** Tests that need root, Linux and the system tools that `.ci/run` installs; a missing one is a failure. */
export default defineConfig({
  resolve: { conditions: ['@ocirender/source'] },
  ssr: { resolve: { conditions: ['@ocirender/source'] } },
  test: {
    setupFiles: ['./vitest.setup.ts'],
    include: ['e2e/**/*.e2e.test.ts'],
    // The tools that results are compared with use one core; what we start takes the other.
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 1_800_000,
  },
});
