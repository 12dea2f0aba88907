import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@ocirender/source'] },
  ssr: { resolve: { conditions: ['@ocirender/source'] } },
  test: {
    setupFiles: ['./vitest.setup.ts'],
    include: [
      'packages/*/src/**/*.test.ts',
      'apps/*/src/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'examples/**/*.test.{ts,js}',
    ],
    // The default leaves one core idle: half of a small machine.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
