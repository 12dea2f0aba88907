import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';
import { mergeFlags } from '../convert/merge-flags.ts';
import { sourceLimitFlags } from '../convert/source-limit-flags.ts';
import { PROGRESS_MODES } from '../progress/progress-mode.ts';
import { registryFlags } from '../registry/registry-flags.ts';

/** `--progress` of the commands that read. */
export const progressFlag = Flags.option({
  summary: 'Progress on standard error: a bar on a terminal, lines, or nothing.',
  options: PROGRESS_MODES,
  default: 'auto',
  helpGroup: 'DISPLAY',
});

/** The flags of the commands that read one image. */
export const readFlags = {
  'shared-blobs': Flags.string({
    summary: 'Directory in which OCI layouts share blobs, as ALGORITHM/DIGITS.',
    helpValue: 'DIR',
  }),
  spool: Flags.string({
    summary: 'Directory for temporary files: of compressed archives, and of layers from a registry.',
    helpValue: 'DIR',
  }),
  ...mergeFlags,
  ...sourceLimitFlags,
  ...registryFlags,
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
  'An image is an OCI layout or a "docker save" (DIR, DIR:TAG, DIR@DIGEST, or an archive of either), a directory by "skopeo copy … dir:DIR", standard input (-), Docker\'s storage (overlay2:DIR), an image of Docker or Podman (docker-daemon:NAME, podman:NAME) or in a registry (docker://NAME): its layers are merged. Or it is anything an installed reader knows: a squashfs or ext4 image, a tar archive, a directory. What it is follows from its content; a prefix (oci:, oci-archive:, docker-archive:, squashfs:, ext4:, tar:, dir:) forces it.';
