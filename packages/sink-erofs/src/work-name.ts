import { codecVersion } from '@ocirender/block-pipeline';
import type { CodecSpec } from './compression.ts';

/** Counts up whenever clusters, or what is recorded of them, change otherwise than by what the name says. */
const RULES = 1;

/**
 * Names the work of a session that compresses; see `SinkSession.work`.
 *
 * @param codec - of the image
 * @returns undefined when it is not known what the clusters depend on
 */
export function workName({ kind, level, clusterSize, module }: CodecSpec): string | undefined {
  // lz4hc is ours: see RULES.
  const version =
    kind === 'lz4hc' ? '-' : codecVersion(kind === 'lz4' ? module : kind === 'deflate' ? 'zlib' : 'zstd');
  if (version === undefined) return undefined;
  return `erofs rules ${RULES} ${kind} ${version} level ${level} cluster-size ${clusterSize}`;
}
