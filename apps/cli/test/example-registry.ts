import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IMAGE } from './run-cli.ts';

/** The example image in a registry. */
export interface ExampleRegistry {
  /** `localhost:PORT`; any repository has the image, under the tag `demo`. */
  readonly host: string;
  /** What was asked for so far, for example `/v2/a/b/manifests/demo`. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Serves the example image as a registry does: what is asked for by digest is a blob of the layout. */
export async function serveExample(): Promise<ExampleRegistry> {
  const index = JSON.parse(readFileSync(`${IMAGE}/index.json`, 'utf8')) as {
    manifests: { digest: string; mediaType: string }[];
  };
  const [top] = index.manifests;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url!);
    const name = request.url!.split('/').at(-1)!;
    const digest = name === 'demo' ? top!.digest : name;
    if (request.url === '/v2/') return void response.end('{}');
    if (!digest.startsWith('sha256:')) {
      response.statusCode = 404;
      return void response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    }
    if (request.url!.includes('/manifests/')) response.setHeader('content-type', top!.mediaType);
    response.end(readFileSync(`${IMAGE}/blobs/${digest.replace(':', '/')}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
