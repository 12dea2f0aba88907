// Writes a small image with a checksum in its first block, and reads it back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CRC_START, crc32c, OutputFile } from '@ocirender/image-file';

const folder = await mkdtemp(join(tmpdir(), 'image-file-example-'));
const image = new OutputFile(join(folder, 'image'));
try {
  // Data first, then the block in front of it; the rest is a hole.
  const data = Buffer.from('hello, image\n'.repeat(100));
  await image.write(data, 4096);
  const head = Buffer.alloc(4096);
  head.writeUInt32LE(crc32c(CRC_START, data), 0);
  await image.write(head, 0);
  image.resize(16_384);

  const again = Buffer.alloc(data.length);
  image.read(again, 4096);
  console.log('as it was written:', crc32c(CRC_START, again) === head.readUInt32LE(0));
  console.log('two equal lines:', image.equalRanges(4096, 4096 + 13, 13));
} finally {
  await image.close();
  await rm(folder, { recursive: true });
}
