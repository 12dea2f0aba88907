import type { MergePolicy } from '@ocirender/overlay';

/**
 * Takes the choices that decide what a merged image is from those of a caller.
 *
 * @param options - what the caller has set
 * @returns the choices that were made
 */
export function policyOf(options: Partial<MergePolicy>): Partial<MergePolicy> {
  const { lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices } = options;
  return Object.fromEntries(
    Object.entries({ lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}
