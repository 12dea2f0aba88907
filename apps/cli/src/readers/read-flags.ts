import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';
import { mergeFlags } from '../convert/merge-flags.ts';
import { PROGRESS_MODES } from '../progress/progress-mode.ts';

/** `--progress` of the commands that read. */
export const progressFlag = Flags.option({
  summary: 'Progress on standard error: a bar on a terminal, lines, or nothing.',
  options: PROGRESS_MODES,
  default: 'auto',
  helpGroup: 'DISPLAY',
});

/** The flags of the commands that read one image. */
export const readFlags = {
  ...mergeFlags,
  verbose: Flags.boolean({
    char: 'v',
    summary: 'List every repair and deviation that merging an OCI image takes.',
    helpGroup: 'DISPLAY',
  }),
  progress: progressFlag(),
};

/** The parsed {@link readFlags}. */
export type ReadFlags = InferredFlags<typeof readFlags>;

/** What an image can be, for help texts. */
export const IMAGE_FORMS =
  'An image is an OCI layout or an unpacked "docker save" (DIR, DIR:TAG, DIR@DIGEST), whose layers are merged, or anything an installed reader knows: a squashfs image, a tar archive, a directory. What it is follows from its content; a prefix (oci:, squashfs:, tar:, dir:) forces it.';
