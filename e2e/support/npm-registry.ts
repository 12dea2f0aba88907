import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { finished, must, start } from './run.ts';

const VERDACCIO = fileURLToPath(new URL('../../node_modules/verdaccio/bin/verdaccio', import.meta.url));
/** Time for the registry to start, in ms. */
const START_TIME = 30_000;

/** An npm registry on the loopback interface, and the environment of a user who has no other. */
export interface NpmRegistry {
  readonly url: string;
  /** The whole environment for npm and for what is installed with it: home and caches are below the directory. */
  readonly environment: Readonly<Record<string, string>>;
  /** Paths of all requests so far, `%2f` decoded. */
  requests(): string[];
  /** Publishes a packed package with the request that `npm publish` makes; that itself takes a second for each. */
  publish(tarball: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a registry. Packages of `@ocirender`, `ocirender` and `@example` are only those that are published to it; all
 * others come from the registry that npm on this machine is configured for.
 *
 * @param directory - takes everything that it stores, and the user's home
 */
export async function startNpmRegistry(directory: string): Promise<NpmRegistry> {
  const upstream = (await must('npm', ['config', 'get', 'registry'])).trim();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const home = join(directory, 'home');
  const config = join(directory, 'verdaccio.yaml');
  await mkdir(home, { recursive: true });
  await writeFile(config, verdaccioConfig(directory, upstream));
  await writeFile(join(home, '.npmrc'), `registry=${url}\n`);
  const environment = {
    HOME: home,
    PATH: process.env['PATH']!,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };

  const server = start(process.execPath, [VERDACCIO, '--config', config, '--listen', `127.0.0.1:${port}`]);
  let log = '';
  server.stdout!.on('data', (text: Buffer) => (log += text.toString()));
  const ended = finished(server);
  await waitFor(`${url}-/ping`, ended);

  return {
    url,
    environment,
    requests: () => [...log.matchAll(/"url":"([^"]+)"/g)].map(([, path]) => path!.replaceAll(/%2f/gi, '/')),
    publish: (tarball) => publish(url, tarball),
    async stop() {
      server.kill();
      await ended;
    },
  };
}

function verdaccioConfig(directory: string, upstream: string): string {
  const ours = { access: '$all', publish: '$all' };
  // YAML reads JSON.
  return JSON.stringify({
    storage: join(directory, 'storage'),
    auth: { htpasswd: { file: join(directory, 'htpasswd') } },
    uplinks: { upstream: { url: upstream, timeout: '60s', maxage: '60m' } },
    packages: {
      '@ocirender/*': ours,
      '@example/*': ours,
      ocirender: ours,
      '**': { access: '$all', proxy: 'upstream' },
    },
    max_body_size: '100mb',
    web: { enable: false },
    log: { type: 'stdout', format: 'json', level: 'http' },
  });
}

async function publish(url: string, tarball: string): Promise<void> {
  const manifest = JSON.parse(await must('tar', ['-xzOf', tarball, 'package/package.json'])) as {
    name: string;
    version: string;
  };
  const { name, version } = manifest;
  const bytes = await readFile(tarball);
  const file = `${name}-${version}.tgz`;
  const dist = {
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    shasum: createHash('sha1').update(bytes).digest('hex'),
    tarball: `${url}${name}/-/${file}`,
  };
  const response = await fetch(`${url}${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
      _attachments: {
        [file]: {
          content_type: 'application/octet-stream',
          data: bytes.toString('base64'),
          length: bytes.length,
        },
      },
    }),
  });
  if (!response.ok) throw new Error(`${name} was not published: ${response.status} ${await response.text()}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}

async function waitFor(url: string, ended: ReturnType<typeof finished>): Promise<void> {
  let result: Awaited<typeof ended> | undefined;
  void ended.then((end) => (result = end));
  for (const deadline = Date.now() + START_TIME; Date.now() < deadline; ) {
    if (result !== undefined) throw new Error(`verdaccio ended with ${result.code}:\n${result.stderr}`);
    if ((await fetch(url).catch(() => undefined))?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`verdaccio does not answer on ${url}`);
}
