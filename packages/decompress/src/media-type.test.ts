import { describe, expect, test } from 'vitest';
import { compressionOfMediaType } from './media-type.ts';

describe('compressionOfMediaType', () => {
  test.each([
    ['application/vnd.oci.image.layer.v1.tar', 'none'],
    ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
    ['application/vnd.oci.image.layer.v1.tar+xz', 'xz'],
    ['application/vnd.oci.image.layer.v1.tar+bzip2', 'bzip2'],
    ['application/vnd.oci.image.layer.v1.tar+lzma', 'lzma'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'none'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
    ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
    ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
    ['Application/VND.OCI.image.layer.v1.tar+GZIP', 'gzip'],
    [' application/vnd.oci.image.layer.v1.tar+zstd ; a=b; c=d', 'zstd'],
    ['application/x-tar', 'none'],
    ['application/x-gzip', 'gzip'],
    ['application/zstd', 'zstd'],
  ])('%s is %s', (mediaType, compression) => {
    expect(compressionOfMediaType(mediaType)).toBe(compression);
  });

  test.each([
    '',
    ';',
    'gzip',
    'tar+gzip',
    'application/vnd.oci.image.layer.v1.tar+lz4',
    'application/vnd.oci.image.layer.v1.tar+gzip+gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.in-toto+json',
  ])('%j is refused by name', (mediaType) => {
    expect(() => compressionOfMediaType(mediaType)).toThrow(
      expect.objectContaining({
        code: 'ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE',
        message: expect.stringContaining(JSON.stringify(mediaType)) as string,
      }),
    );
  });

  test('an encrypted layer is called that', () => {
    expect(() => compressionOfMediaType('application/vnd.oci.image.layer.v1.tar+encrypted')).toThrow(
      'encrypted',
    );
  });
});
