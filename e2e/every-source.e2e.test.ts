import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI } from './support/cli.ts';
import { fileDigest } from './support/file-digest.ts';
import { type LocalRegistry, startLocalRegistry } from './support/local-registry.ts';
import { finished, must, start } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

// One image through every way in gives the same bytes: what holds an image is nothing that a merge knows of.

const EXAMPLE = fileURLToPath(new URL('../examples/demo/image', import.meta.url));

let directory: string;
let registry: LocalRegistry;
let proxy: Server;
let service: ReturnType<typeof spawn>;
let socket: string;
let reference: string;
/** Addresses that the proxy was asked for. */
const proxied: string[] = [];

const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = await makeDirectory();
  registry = await startLocalRegistry(directory);
  const copy = async (target: string): Promise<void> => {
    await must('skopeo', ['copy', '--quiet', `oci:${EXAMPLE}:demo`, target]);
  };
  await copy(`oci:${at('layout')}:latest`);
  await copy(`oci-archive:${at('oci.tar')}:latest`);
  await copy(`docker-archive:${at('docker.tar')}:app/demo:1`);
  await copy(`dir:${at('dir')}`);
  await must('gzip', ['-k', at('docker.tar')]);
  await registry.push(at('layout'), 'demo');
  proxy = createServer((request, response) => {
    proxied.push(request.url!);
    const { pathname, search } = new URL(request.url!);
    const [host, port] = registry.host.split(':');
    const onward = httpRequest(
      { host, port, path: `${pathname}${search}`, headers: { ...request.headers, host: registry.host } },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  socket = at('podman.sock');
  const storage = ['--root', at('storage'), '--runroot', at('run'), '--storage-driver', 'vfs'];
  const podman = [...storage, '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
  await must('podman', [...podman, 'load', '--quiet', '--input', at('docker.tar')]);
  service = spawn('podman', [...podman, 'system', 'service', '--time=0', `unix://${socket}`], {
    stdio: 'ignore',
  });
  for (let i = 0; i < 200 && !existsSync(socket); i++) await sleep(50);
  reference = await converted(at('layout'));
});

afterAll(async () => {
  if (service?.kill('SIGTERM')) await once(service, 'exit');
  proxy?.close();
  await registry?.stop();
  await removeDirectory(directory);
});

/** Converts to a tar and gives its hash. */
async function converted(
  image: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  stdin?: string,
): Promise<string> {
  const output = at('output.tar');
  const command = [CLI, 'convert', image, '-o', output, '--force', '--progress', 'none', ...args];
  const assigned = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const child =
    stdin === undefined
      ? start('env', [...assigned, process.execPath, ...command])
      : start('sh', ['-c', 'input="$0"; exec "$@" < "$input"', stdin, process.execPath, ...command]);
  const { code, stderr } = await finished(child);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return fileDigest(output);
}

describe('the same bytes from', () => {
  test.each([
    ['oci:', () => `oci:${at('layout')}:latest`],
    ['oci-archive:', () => `oci-archive:${at('oci.tar')}:latest`],
    ['docker-archive:', () => `docker-archive:${at('docker.tar')}:app/demo:1`],
    ['docker-archive:, compressed', () => `docker-archive:${at('docker.tar.gz')}`],
    ['dir:', () => `dir:${at('dir')}`],
    ['dir: without its prefix', () => at('dir')],
  ])('%s', async (_, image) => {
    expect(await converted(image())).toBe(reference);
  });

  test.each(['oci.tar', 'docker.tar', 'docker.tar.gz'])('standard input: %s', async (name) => {
    expect(await converted('-', [], {}, at(name))).toBe(reference);
  });

  test("podman: and docker-daemon:, from Podman's service", async () => {
    expect(await converted('podman:app/demo:1', [], { CONTAINER_HOST: `unix://${socket}` })).toBe(reference);
    expect(await converted('docker-daemon:app/demo:1', [], { DOCKER_HOST: `unix://${socket}` })).toBe(
      reference,
    );
  });

  test('a registry, a mirror of one, and one behind a proxy', async () => {
    expect(await converted(`docker://${registry.host}/demo`, ['--insecure'])).toBe(reference);
    const mirror = ['--insecure', '--registry-mirror', `no-such.example=http://${registry.host}`];
    expect(await converted('docker://no-such.example/demo', mirror)).toBe(reference);
    const { port } = proxy.address() as AddressInfo;
    const env = { HTTP_PROXY: `http://127.0.0.1:${port}`, http_proxy: '', NO_PROXY: '', no_proxy: '' };
    expect(await converted('docker://no-such.example/demo', ['--insecure'], env)).toBe(reference);
    expect(proxied.filter((url) => url.startsWith('http://no-such.example/v2/demo/'))).not.toEqual([]);
  });
});
