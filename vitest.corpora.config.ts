import { defineConfig } from 'vitest/config';

/** Tests over a collection of real images, tars and attacks, which lies outside of the project; needs root and tools. */
export default defineConfig({
  resolve: { conditions: ['@ocirender/source'] },
  ssr: { resolve: { conditions: ['@ocirender/source'] } },
  test: {
    setupFiles: ['./vitest.setup.ts'],
    include: ['e2e/corpora/**/*.corpora.test.ts'],
    // The tools that results are compared with use one core; what we start takes the other.
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
