import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';
import { cacheFlags } from '../cache/cache-flags.ts';
import { PROGRESS_MODES } from '../progress/progress-mode.ts';
import { quietFlag } from '../progress/quiet-flag.ts';
import { registryFlags } from '../registry/registry-flags.ts';
import { mergeFlags } from './merge-flags.ts';
import { sourceLimitFlags } from './source-limit-flags.ts';

/** The flags of `ocirender convert`. */
export const convertFlags = {
  image: Flags.string({ summary: 'The image; the same as the argument IMAGE.', helpValue: 'IMAGE' }),
  sink: Flags.string({
    char: 's',
    summary: 'What to make: a name that "ocirender sinks" lists. [default: by the ending of the output]',
    helpValue: 'NAME',
  }),
  output: Flags.string({
    char: 'o',
    summary: 'File or directory to write; - is standard output. An empty directory is filled.',
    helpValue: 'PATH',
  }),
  option: Flags.string({
    char: 'O',
    summary: 'Option of the sink; may be given several times.',
    helpValue: 'KEY=VALUE',
    multiple: true,
    // Without this, oclif would take everything up to the next flag, the image included.
    multipleNonGreedy: true,
  }),
  size: Flags.string({
    summary: 'Size of the filesystem, for sinks that can choose it: -O size=SIZE.',
    helpValue: 'SIZE',
  }),
  label: Flags.string({
    summary: 'Name of the filesystem, for sinks that have one: -O label=TEXT.',
    helpValue: 'TEXT',
  }),
  uuid: Flags.string({
    summary: 'UUID of the filesystem, for sinks that have one: -O uuid=UUID.',
    helpValue: 'UUID',
  }),
  mksquashfs: Flags.string({
    summary: 'Let this mksquashfs write the image: -O engine=mksquashfs -O mksquashfs=PATH.',
    helpValue: 'PATH',
  }),
  'config-out': Flags.string({
    summary: "File that gets the image's config, byte for byte.",
    helpValue: 'FILE',
  }),
  'shared-blobs': Flags.string({
    summary: 'Directory in which OCI layouts share blobs, as ALGORITHM/DIGITS.',
    helpValue: 'DIR',
  }),
  spool: Flags.string({
    summary: 'Directory for temporary files: of compressed archives, and of layers from a registry.',
    helpValue: 'DIR',
  }),
  concurrency: Flags.integer({
    summary: 'Layers that are downloaded at the same time. [default: 3]',
    helpValue: 'N',
    helpGroup: 'REGISTRY',
    min: 1,
    max: 64,
  }),
  force: Flags.boolean({
    char: 'f',
    summary: 'Replace existing files: the output, OUTPUT.mtree, the file of --config-out.',
  }),
  'replace-directory': Flags.boolean({
    summary: 'As --force; and replace a directory that is not empty, with all that is in it.',
  }),
  threads: Flags.integer({
    summary: 'Threads for compression; the output does not depend on it. [default: one per core]',
    helpValue: 'N',
    min: 1,
    max: 1024,
  }),
  'plan-first': Flags.boolean({
    summary: 'Read all layers twice: first the headers, then the contents.',
    description:
      'Needed where the output is a pipe and the order of the contents turns out to matter. The tree is the same; the bytes of a filesystem image are not, for its contents are stored in another order.',
  }),
  ...mergeFlags,
  ...sourceLimitFlags,
  ...registryFlags,
  ...cacheFlags,
  verbose: Flags.boolean({
    char: 'v',
    summary: 'List every repair and deviation instead of counting them.',
    helpGroup: 'DISPLAY',
  }),
  quiet: quietFlag,
  progress: Flags.option({
    summary: 'Progress on standard error: bars on a terminal, lines, or nothing.',
    options: PROGRESS_MODES,
    default: 'auto',
    helpGroup: 'DISPLAY',
  })(),
};

/** The parsed flags of `ocirender convert`. */
export type ConvertFlags = InferredFlags<typeof convertFlags>;
