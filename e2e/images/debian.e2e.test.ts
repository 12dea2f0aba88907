import { testImage } from '../support/image-suite.ts';
import { due } from '../support/sample.ts';

testImage(
  'debian',
  ['squashfs', 'ext4', 'erofs', 'tar', 'dir'],
  due(['squashfs', 'ext4', 'erofs', 'tar', 'dir'] as const, 5),
);
