import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

/** Makes an empty directory that lasts as long as the test file runs. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-layout-'));
  temporary.push(directory);
  return directory;
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function sha512(bytes: Uint8Array | string): string {
  return `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
}

export interface TestDescriptor {
  mediaType?: string;
  digest: string;
  size: number;
  platform?: Record<string, unknown>;
  annotations?: Record<string, unknown> | null;
  artifactType?: string;
}

export const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
};

/** Builds an OCI image layout piece by piece. */
export class TestLayout {
  readonly directory: string;

  constructor(directory: string = temporaryDirectory()) {
    this.directory = directory;
    mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
    mkdirSync(join(directory, 'blobs', 'sha512'), { recursive: true });
    writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  blob(
    content: Uint8Array | string,
    mediaType?: string,
    digestOf: (bytes: Uint8Array) => string = sha256,
  ): TestDescriptor {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    writeFileSync(this.path(digest), bytes);
    return { ...(mediaType === undefined ? {} : { mediaType }), digest, size: bytes.length };
  }

  json(value: unknown, mediaType?: string): TestDescriptor {
    return this.blob(JSON.stringify(value), mediaType);
  }

  path(digest: string): string {
    return join(this.directory, 'blobs', digest.replace(':', '/'));
  }

  /** An image whose layers have these contents; they stand for uncompressed tars. */
  image(
    layers: string[],
    platform: Record<string, unknown> = { os: 'linux', architecture: 'amd64' },
  ): TestDescriptor {
    const config = this.json(
      { ...platform, rootfs: { type: 'layers', diff_ids: layers.map((layer) => sha256(layer)) } },
      TYPES.config,
    );
    return this.json(
      {
        schemaVersion: 2,
        mediaType: TYPES.manifest,
        config,
        layers: layers.map((layer) => this.blob(layer, TYPES.layer)),
      },
      TYPES.manifest,
    );
  }

  index(manifests: unknown[], mediaType: string = TYPES.index): TestDescriptor {
    return this.json({ schemaVersion: 2, mediaType, manifests }, mediaType);
  }

  /** Writes `index.json`. */
  write(...manifests: TestDescriptor[]): this {
    this.file('index.json', JSON.stringify({ schemaVersion: 2, manifests }));
    return this;
  }

  file(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.directory, name), content);
  }
}

/** The same descriptor under a tag or full name. */
export function named(name: string, descriptor: TestDescriptor): TestDescriptor {
  return { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } };
}

/** The same descriptor with a platform such as `linux/arm/v7`. */
export function forPlatform(platform: string, descriptor: TestDescriptor): TestDescriptor {
  const [os, architecture, variant] = platform.split('/');
  return { ...descriptor, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

/** Gathers a stream. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
