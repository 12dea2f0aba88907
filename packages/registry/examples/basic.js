// Starts a tiny registry in this process, opens an image of it, and copies it to disk over a bad connection.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatReference, openRegistryImage, parseReference, pullImage } from '@ocirender/registry';

const stored = new Map();
const put = (bytes, mediaType) => {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  stored.set(digest, { bytes, mediaType });
  return { mediaType, digest, size: bytes.length };
};
const json = (value, mediaType) => put(Buffer.from(JSON.stringify(value)), mediaType);
const layer = put(gzipSync(Buffer.alloc(1024)), 'application/vnd.oci.image.layer.v1.tar+gzip');
const config = json({ os: 'linux', architecture: 'amd64' }, 'application/vnd.oci.image.config.v1+json');
const manifest = json(
  { schemaVersion: 2, config, layers: [layer] },
  'application/vnd.oci.image.manifest.v1+json',
);
stored.set('1.0', stored.get(manifest.digest));

let failures = 0;
const server = createServer((request, response) => {
  const found = stored.get(request.url.split('/').at(-1));
  if (found === undefined || (request.url.includes('/blobs/') && failures-- > 0)) {
    response.writeHead(found === undefined ? 404 : 503).end();
  } else {
    response.setHeader('content-type', found.mediaType);
    response.end(found.bytes);
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const name = `localhost:${server.address().port}/demo/app:1.0`;
const directory = await mkdtemp(join(tmpdir(), 'registry-'));

try {
  console.log(`nginx means ${formatReference(parseReference('nginx'))}`);

  const image = await openRegistryImage(name, { insecure: true });
  for (const layer of image.layers) {
    let bytes = 0;
    for await (const chunk of layer.open()) bytes += chunk.length;
    console.log(`${layer.digest}: ${bytes} bytes, digest and size verified`);
  }
  await image.close();

  failures = 2;
  const report = await pullImage(name, directory, {
    insecure: true,
    retry: { backoffMs: 10 },
    onEvent(event) {
      if (event.type === 'retry') console.log(`tried again: ${event.reason}`);
    },
  });
  console.log(`pulled ${report.blobs.length} blobs, ${report.fetchedBytes} bytes`);
} finally {
  server.close();
  await rm(directory, { recursive: true });
}
