import { createReadStream } from 'node:fs';
import { decompress } from '@ocirender/decompress';

/** A member's name stands at the start of its header (POSIX ustar). */
const NAME_BYTES = 100;
/** What is read for it: a compressor may want a whole block before it gives anything. */
const HEAD_BYTES = 4 * 1024 * 1024;

/**
 * What an OCI archive or a `docker save` begins with, in the order of its members or in any other; no root file system
 * has such names at its top.
 */
const IMAGE_MEMBER =
  /^(?:\.\/)?(?:blobs\/|oci-layout$|index\.json$|manifest\.json$|repositories$|(?:sha256:)?[0-9a-f]{64}(?:\/|\.json$|\.tar$))/;

/**
 * Tells an archive of images from the archive of a root file system by the name of its first member.
 *
 * @param path - a tar, also compressed
 * @returns false also for what cannot be read: whoever opens it says why
 */
export async function isImageArchive(path: string): Promise<boolean> {
  const source = createReadStream(path, { end: HEAD_BYTES - 1, highWaterMark: 64 * 1024 });
  try {
    let head = Buffer.alloc(0);
    for await (const chunk of decompress(source as AsyncIterable<Uint8Array>)) {
      head = Buffer.concat([head, chunk]);
      if (head.length < NAME_BYTES) continue;
      const end = head.indexOf(0);
      return IMAGE_MEMBER.test(head.toString('latin1', 0, end < 0 ? NAME_BYTES : Math.min(end, NAME_BYTES)));
    }
  } catch {
    // Cut off, damaged, or no archive.
  } finally {
    source.destroy();
  }
  return false;
}
