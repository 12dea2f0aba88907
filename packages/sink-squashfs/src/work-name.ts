import { codecVersion } from '@ocirender/block-pipeline';
import type { CodecSpec } from './codec.ts';

/** Counts up whenever blocks, or what is recorded of them, change otherwise than by what the name says. */
const RULES = 1;

/** What the blocks of an image depend on, besides the contents. */
export interface WorkOptions {
  readonly codec: CodecSpec;
  readonly fragments: boolean;
  /** Archive members. */
  readonly fragmentWindow: number;
  readonly tailPacking: boolean;
  readonly dedupe: boolean;
}

/**
 * Names the work of a session; see `SinkSession.work`.
 *
 * @param options - of the image
 * @returns undefined when it is not known what the blocks depend on
 */
export function workName({
  codec,
  fragments,
  fragmentWindow,
  tailPacking,
  dedupe,
}: WorkOptions): string | undefined {
  const version = libraryVersion(codec);
  if (version === undefined) return undefined;
  const { kind, level, blockSize } = codec;
  const layout = [
    ...(fragments ? [`fragments of ${fragmentWindow}`] : []),
    ...(fragments && tailPacking ? ['tail-packing'] : []),
    ...(dedupe ? ['dedupe'] : []),
  ];
  return [
    `squashfs rules ${RULES}`,
    kind,
    version,
    `level ${level}`,
    `block-size ${blockSize}`,
    ...layout,
  ].join(' ');
}

function libraryVersion({ kind, module }: CodecSpec): string | undefined {
  switch (kind) {
    case 'zstd-native':
      return codecVersion('zstd');
    case 'gzip':
      return codecVersion('zlib');
    case 'zstd-module':
    case 'xz':
    case 'lz4':
      return codecVersion(module as string);
    default:
      // lz4hc and no compression are ours: see RULES.
      return '-';
  }
}
