import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { must } from './run.ts';

/** A registry on loopback, without encryption. */
export interface LocalRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /**
   * Copies the image `latest` of a layout into it.
   *
   * @returns its name, with host and tag
   */
  push(layout: string, repository: string): Promise<string>;
  stop(): Promise<void>;
}

/** How a registry is protected. */
export interface RegistryProtection {
  /** Paths of a certificate for 127.0.0.1 and localhost, and of its key. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** A line of an htpasswd file (bcrypt). */
  readonly htpasswd?: string;
}

/** Starts Debian's `docker-registry` with its storage in a directory. */
export async function startLocalRegistry(
  directory: string,
  { tls, htpasswd }: RegistryProtection = {},
): Promise<LocalRegistry> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = join(directory, 'registry.yml');
  const storage = { filesystem: { rootdirectory: join(directory, 'registry') } };
  const passwords = join(directory, 'htpasswd');
  if (htpasswd !== undefined) await writeFile(passwords, `${htpasswd}\n`);
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'error' },
      storage,
      http: { addr: host, ...(tls === undefined ? {} : { tls }) },
      ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: passwords } } }),
    }),
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  await Promise.race([answering(host), ended.then(() => Promise.reject(new Error('docker-registry ended')))]);
  return {
    host,
    async push(layout, repository) {
      const target = `docker://${host}/${repository}:latest`;
      await must('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:latest`, target]);
      return `${host}/${repository}:latest`;
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
}

async function answering(host: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    // With TLS: 400, the client sent a plain request; with passwords: 401. Either way it answers.
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer !== undefined) return;
    await wait(50);
  }
  throw new Error(`docker-registry does not answer at ${host}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
