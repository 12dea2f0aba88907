import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterEach } from 'vitest';

const running: FakeRegistry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

export interface TestDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
}

/** A request that came in. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Name in the client's certificate, where it showed one. */
  readonly peer: string | undefined;
}

/** Takes a request over; false leaves it to the registry. */
export type Intercept = (request: SeenRequest, response: ServerResponse) => boolean | Promise<boolean>;

/** A registry in this process that can be made to misbehave. */
export class FakeRegistry {
  readonly blobs = new Map<string, Buffer>();
  /** By `tag` and by digest. */
  readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  readonly seen: SeenRequest[] = [];
  /** Asked in order. */
  readonly intercepts: Intercept[] = [];
  readonly #server: Server;

  private constructor(tls?: ServerOptions) {
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#handle(request, response);
    this.#server =
      tls === undefined
        ? createServer(listener)
        : createTlsServer({ rejectUnauthorized: false, ...tls }, listener);
  }

  static async start(tls?: ServerOptions): Promise<FakeRegistry> {
    const registry = new FakeRegistry(tls);
    running.push(registry);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  /** `localhost:PORT`. */
  get host(): string {
    return `localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  blob(content: Uint8Array | string, mediaType: string = TYPES.layer): TestDescriptor {
    const bytes = Buffer.from(content);
    this.blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  }

  manifest(document: object, mediaType: string, ...tags: string[]): TestDescriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    for (const name of [sha256(bytes), ...tags]) this.manifests.set(name, { bytes, mediaType });
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  }

  /** An image whose layers have these contents; they stand for uncompressed tars. */
  image(layers: readonly (string | Uint8Array)[], architecture = 'amd64', ...tags: string[]): TestDescriptor {
    const diffIds = layers.map((layer) => sha256(layer));
    const config = { os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: diffIds } };
    const document = {
      schemaVersion: 2,
      mediaType: TYPES.manifest,
      config: this.blob(JSON.stringify(config), TYPES.config),
      layers: layers.map((layer) => this.blob(layer)),
    };
    const descriptor = this.manifest(document, TYPES.manifest, ...tags);
    return { ...descriptor, platform: { os: 'linux', architecture } };
  }

  /** An index of images for these architectures, each with one layer. */
  index(architectures: readonly string[], ...tags: string[]): TestDescriptor {
    const manifests = architectures.map((name) => this.image([`layer for ${name}`], name));
    return this.manifest({ schemaVersion: 2, mediaType: TYPES.index, manifests }, TYPES.index, ...tags);
  }

  /** How often an address that holds `part` was asked for. */
  count(part: string): number {
    return this.seen.filter(({ url }) => url.includes(part)).length;
  }

  /** Lets the next requests for addresses that hold `part` end in these ways, one after the other. */
  fail(part: string, ...ways: Intercept[]): void {
    this.intercepts.push((request, response) => {
      if (!request.url.includes(part)) return false;
      const way = ways.shift();
      return way === undefined ? false : way(request, response);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen: SeenRequest = {
      method: request.method!,
      url: request.url!,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      peer: peerOf(request),
    };
    this.seen.push(seen);
    for (const intercept of this.intercepts) if (await intercept(seen, response)) return;
    this.serve(seen, response);
  }

  /** Answers as a registry does. */
  serve({ url: asked, headers }: SeenRequest, response: ServerResponse): void {
    const url = asked.replace(/\?.*$/, '');
    const [, kind, name] = /^\/v2\/.+\/(blobs|manifests)\/([^/]+)$/.exec(url) ?? [];
    const manifest = kind === 'manifests' ? this.manifests.get(name!) : undefined;
    const blob = kind === 'blobs' ? this.blobs.get(name!) : undefined;
    if (url === '/v2/') {
      response.end('{}');
    } else if (manifest !== undefined) {
      response.setHeader('docker-content-digest', sha256(manifest.bytes));
      response.setHeader('content-type', manifest.mediaType);
      response.end(manifest.bytes);
    } else if (blob !== undefined) {
      sendBytes(response, blob, headers.range);
    } else {
      const what = kind === 'manifests' ? 'manifest' : 'blob';
      sendError(response, 404, `${what.toUpperCase()}_UNKNOWN`, `${what} unknown to registry`);
    }
  }
}

function peerOf({ socket }: IncomingMessage): string | undefined {
  const name: unknown = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** Answers with an error as registries write it. */
export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  response.statusCode = status;
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

/** Answers with a blob, or with the part that `Range` asks for. */
export function sendBytes(response: ServerResponse, bytes: Buffer, range?: string): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  if (from > 0) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  }
  response.setHeader('content-length', bytes.length - from);
  response.end(bytes.subarray(from));
}

/** Gathers a stream. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes that look like no others, the same for each call. */
export function someBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
