import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';
import { PROGRESS_MODES } from '../progress/progress-mode.ts';
import { LIMIT_FLAGS, type LimitName } from './limit-flags.ts';

const limit = (name: LimitName) =>
  Flags.string({
    summary: `Most ${LIMIT_FLAGS[name].summary}.`,
    helpValue: LIMIT_FLAGS[name].unit === 'bytes' ? 'SIZE' : 'N',
    helpGroup: 'LIMIT',
  });

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
    summary: 'File or directory to write; - is standard output.',
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
  platform: Flags.string({
    summary: 'Platform to take from a multi-platform image. [default: that of this machine]',
    helpValue: 'OS/ARCH[/VARIANT]',
  }),
  force: Flags.boolean({ char: 'f', summary: 'Replace an existing output.' }),
  threads: Flags.integer({
    summary: 'Threads for compression; the output does not depend on it. [default: one per core]',
    helpValue: 'N',
    min: 1,
    max: 1024,
  }),
  'plan-first': Flags.boolean({
    summary: 'Read all layers twice: first the headers, then the contents.',
    description: 'Needed where the output is a pipe and the order of the contents turns out to matter.',
  }),
  lenient: Flags.boolean({
    summary: 'Repair what is an error otherwise, with a note about each repair.',
    helpGroup: 'MERGING',
  }),
  'parent-symlinks': Flags.option({
    summary: 'What a symbolic link means on the way to an entry.',
    options: ['follow', 'replace', 'error'] as const,
    default: 'follow',
    helpGroup: 'MERGING',
  })(),
  'keep-dirlinks': Flags.boolean({
    summary: 'A directory entry over a symbolic link to a directory keeps the link.',
    helpGroup: 'MERGING',
  }),
  xattrs: Flags.option({
    summary: 'Extended attributes: all but those of overlayfs, all, or none.',
    options: ['default', 'keep-overlay', 'none'] as const,
    default: 'default',
    helpGroup: 'MERGING',
  })(),
  'whiteout-devices': Flags.option({
    summary: 'What a character device 0:0 means.',
    options: ['delete', 'keep', 'error'] as const,
    default: 'delete',
    helpGroup: 'MERGING',
  })(),
  'max-entries': limit('entries'),
  'max-path-length': limit('pathBytes'),
  'max-path-depth': limit('pathDepth'),
  'max-pax-header': limit('paxHeaderBytes'),
  'max-xattrs': limit('xattrBytes'),
  'max-ratio': limit('ratio'),
  'max-sparse-extents': limit('sparseExtents'),
  'max-window': limit('windowBytes'),
  'max-zstd-frame': limit('fallbackFrameBytes'),
  'max-metadata-size': limit('metadataBytes'),
  'max-total-size': limit('totalBytes'),
  verbose: Flags.boolean({
    char: 'v',
    summary: 'List every repair and deviation instead of counting them.',
    helpGroup: 'DISPLAY',
  }),
  progress: Flags.option({
    summary: 'Progress on standard error: bars on a terminal, lines, or nothing.',
    options: PROGRESS_MODES,
    default: 'auto',
    helpGroup: 'DISPLAY',
  })(),
};

/** The parsed flags of `ocirender convert`. */
export type ConvertFlags = InferredFlags<typeof convertFlags>;
