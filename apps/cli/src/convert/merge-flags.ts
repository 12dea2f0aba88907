import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';
import { limitFlag as limit } from './limit-flag.ts';

/** The flags that say how layers are merged: of every command that reads OCI images. */
export const mergeFlags = {
  platform: Flags.string({
    summary: 'Platform to take from a multi-platform image. [default: that of this machine]',
    helpValue: 'OS/ARCH[/VARIANT]',
    exclusive: ['os', 'arch', 'variant'],
  }),
  os: Flags.string({ summary: 'The same in parts: the system. [default: linux]', helpValue: 'OS' }),
  arch: Flags.string({
    summary: 'The same in parts: the architecture. [default: that of this machine]',
    helpValue: 'ARCH',
  }),
  variant: Flags.string({
    summary: 'The same in parts: the variant.',
    helpValue: 'VARIANT',
    dependsOn: ['arch'],
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
  'max-metadata-size': limit('metadataBytes'),
  'max-total-size': limit('totalBytes'),
};

/** The parsed {@link mergeFlags}. */
export type MergeFlags = InferredFlags<typeof mergeFlags>;
