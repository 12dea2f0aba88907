import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A layer as it is stored. */
export interface StoredLayer {
  readonly bytes: Uint8Array;
  /** @defaultValue `application/vnd.oci.image.layer.v1.tar` */
  readonly mediaType?: string;
  /** Digest of the plain tar. Without it the config names no diff_ids. */
  readonly diffId?: string;
}

/** Gives the digest of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Writes an OCI layout with one image, tagged `latest`, oldest layer first. */
export async function writeLayout(directory: string, layers: readonly StoredLayer[]): Promise<void> {
  const blobs = join(directory, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const add = async (bytes: Uint8Array, mediaType: string): Promise<object> => {
    const digest = digestOf(bytes);
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = async (document: object, mediaType: string): Promise<object> =>
    add(Buffer.from(JSON.stringify(document)), mediaType);
  const stored: object[] = [];
  for (const { bytes, mediaType = 'application/vnd.oci.image.layer.v1.tar' } of layers) {
    stored.push(await add(bytes, mediaType));
  }
  const diffIds = layers.map(({ diffId }) => diffId);
  const rootfs = diffIds.includes(undefined) ? {} : { rootfs: { type: 'layers', diff_ids: diffIds } };
  const config = await addJson(
    { architecture: 'amd64', os: 'linux', config: {}, ...rootfs },
    'application/vnd.oci.image.config.v1+json',
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await addJson({ schemaVersion: 2, mediaType, config, layers: stored }, mediaType);
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
