import { createHash } from 'node:crypto';
import type { Layer } from '@ocirender/interface';
import { DEFAULT_POLICY, type MergePolicy } from '@ocirender/overlay';

/**
 * Makes the text that identifiers in an output are derived from. It names what decides the merged tree, and nothing
 * else: an OCI layout, a `docker save`, a registry and a copy with other compression of one image give the same text.
 *
 * @param layers - of the image, oldest first; one without diff_id counts by its digest
 * @param policy - the choices of the merge that the caller made
 * @param sourceDateEpoch - seconds since the epoch, for directories that no layer describes
 * @returns `sha256:` and 64 hexadecimal digits
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#layer-chainid
 */
export function identitySeed(
  layers: readonly Pick<Layer, 'digest' | 'diffId'>[],
  policy: Partial<MergePolicy>,
  sourceDateEpoch: number,
): string {
  const { lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices } = { ...DEFAULT_POLICY, ...policy };
  const text = JSON.stringify([
    layers.map(({ diffId, digest }) => diffId ?? digest),
    [lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices],
    sourceDateEpoch,
  ]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
