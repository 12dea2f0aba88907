import { OcirenderError } from '@ocirender/interface';
import type { Compression } from './compression.ts';

/** Layer types that are a tar, with the compression as a suffix: image-spec `layer.md`, Docker's manifest v2 schema 2. */
const TAR_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar',
  'application/vnd.docker.container.image.rootfs.diff+x-gtar',
  'application/x-tar',
  'application/tar',
]);

/** Types that name only the compression. */
const BARE_TYPES: ReadonlyMap<string, Compression> = new Map([
  ['application/gzip', 'gzip'],
  ['application/x-gzip', 'gzip'],
  ['application/x-tgz', 'gzip'],
  ['application/zstd', 'zstd'],
  ['application/x-zstd', 'zstd'],
  ['application/bzip2', 'bzip2'],
  ['application/x-bzip2', 'bzip2'],
  ['application/xz', 'xz'],
  ['application/x-xz', 'xz'],
  ['application/x-lzma', 'lzma'],
]);

const SUFFIXES: ReadonlyMap<string, Compression> = new Map([
  ['gzip', 'gzip'],
  ['gz', 'gzip'],
  ['zstd', 'zstd'],
  ['zst', 'zstd'],
  ['bzip2', 'bzip2'],
  ['bz2', 'bzip2'],
  ['xz', 'xz'],
  ['lzma', 'lzma'],
]);

/**
 * Gives the compression that a layer's media type stands for.
 *
 * Case and parameters (`; charset=…`) are ignored. OCI, Docker, nondistributable and foreign types are known,
 * with `+gzip`, `.gzip` and the like as suffix, and a few plain ones (`application/x-tar`, `application/zstd`).
 *
 * @param mediaType - as the manifest spells it
 * @returns the compression; `none` for a plain tar
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when the type is unknown or encrypted
 */
export function compressionOfMediaType(mediaType: string): Compression {
  const essence = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (TAR_TYPES.has(essence)) return 'none';
  const bare = BARE_TYPES.get(essence);
  if (bare !== undefined) return bare;
  const cut = Math.max(essence.lastIndexOf('+'), essence.lastIndexOf('.'));
  const suffixed = SUFFIXES.get(essence.slice(cut + 1));
  if (suffixed !== undefined && TAR_TYPES.has(essence.slice(0, cut))) return suffixed;
  throw unsupported(mediaType, essence);
}

function unsupported(mediaType: string, essence: string): OcirenderError {
  const shown = JSON.stringify(mediaType.length > 200 ? `${mediaType.slice(0, 200)}…` : mediaType);
  if (essence.endsWith('+encrypted')) {
    return new OcirenderError(
      'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
      `the layer is encrypted (media type ${shown}), which is not supported`,
      { hint: 'Decrypt the image first, for example with skopeo copy --decryption-key.' },
    );
  }
  return new OcirenderError(
    'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
    `the layer's media type ${shown} is not one that can be read`,
    { hint: 'Layers must be tar archives: plain, or compressed with gzip, zstd, bzip2, xz or lzma.' },
  );
}
