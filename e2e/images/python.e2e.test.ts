import { test } from 'vitest';
import { testImage } from '../support/image-suite.ts';
import { due, isDue } from '../support/sample.ts';

// The two large images take turns.
if (isDue(0, 2))
  testImage(
    'python',
    ['squashfs', ...due(['ext4', 'erofs', 'tar', 'dir'] as const, 4)],
    due(['squashfs'] as const, 5),
  );
else test.skip('python: the other large image has its turn (OCIRENDER_ROTATION)', () => {});
