import { gzipSync } from 'node:zlib';
import { compressionOfMediaType, decompress } from '@ocirender/decompress';

const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';

// Two gzip members and some padding, as they arrive from a disk or a network: in pieces.
async function* blob() {
  yield gzipSync('Hello, ');
  yield gzipSync('layer!\n');
  yield new Uint8Array(512);
}

let text = '';
for await (const chunk of decompress(blob(), { mediaType, limits: { maxOutputBytes: 1_000_000 } })) {
  text += Buffer.from(chunk).toString();
}
process.stdout.write(`${compressionOfMediaType(mediaType)}: ${text}`);
if (text !== 'Hello, layer!\n') process.exitCode = 1;
