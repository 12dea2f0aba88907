import type { ConvertSettings } from '@ocirender/core';
import { hostPlatform } from '@ocirender/oci-layout';
import { MERGE_LIMIT_FLAGS } from './limit-flags.ts';
import { readLimits } from './limit-values.ts';
import type { MergeFlags } from './merge-flags.ts';

/** What {@link mergeSettings} gives. */
export type MergeSettings = Pick<
  ConvertSettings,
  'lenient' | 'parentSymlinks' | 'keepDirlinks' | 'xattrs' | 'whiteoutDevices' | 'limits' | 'platform'
>;

/**
 * Translates the flags that say how layers are merged.
 *
 * @param flags - parsed flags
 * @returns settings of a conversion, or of an image that is opened for reading
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for values that cannot be
 */
export function mergeSettings(flags: MergeFlags): MergeSettings {
  const platform = platformOf(flags);
  return {
    lenient: flags.lenient,
    parentSymlinks: flags['parent-symlinks'],
    keepDirlinks: flags['keep-dirlinks'],
    xattrs: flags.xattrs,
    whiteoutDevices: flags['whiteout-devices'],
    limits: readLimits(flags, MERGE_LIMIT_FLAGS),
    ...(platform === undefined ? {} : { platform }),
  };
}

/** The platform that is asked for, whole or in parts. */
function platformOf({ platform, os, arch, variant }: MergeFlags): string | undefined {
  if (platform !== undefined || (os === undefined && arch === undefined)) return platform;
  const { architecture } = hostPlatform();
  return [os ?? 'linux', arch ?? architecture, variant].filter((part) => part !== undefined).join('/');
}
