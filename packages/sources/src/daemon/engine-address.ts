import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dockerDirectory, OcirenderError, printable } from '@ocirender/interface';

/** The engines whose API is spoken: both answer as Docker does. */
export type EngineName = 'docker' | 'podman';

/** Where an engine listens. */
export interface EngineAddress {
  /** For messages: `unix:///var/run/docker.sock`, and where that comes from. */
  readonly shown: string;
  /** Of the socket, or undefined for {@link url}. */
  readonly socketPath?: string;
  /** `http:` or `https:` with host and port. */
  readonly url?: URL;
  /** PEM files for `https:`. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds out where an engine listens, as its own command does: for Docker `DOCKER_HOST`, else the context
 * (`DOCKER_CONTEXT`, `currentContext` of `config.json`), else `/var/run/docker.sock`; for Podman `CONTAINER_HOST`,
 * else the socket of the system (as root) or of the user.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for addresses that cannot be used (ssh among them), contexts that do not exist
 * @see https://docs.docker.com/engine/manage-resources/contexts/
 * @see https://docs.podman.io/en/v4.3/markdown/podman-system-service.1.html
 */
export async function engineAddress(
  engine: EngineName,
  environment: Environment = process.env,
): Promise<EngineAddress> {
  const variable = engine === 'docker' ? 'DOCKER_HOST' : 'CONTAINER_HOST';
  const host = environment[variable];
  if (host !== undefined && host !== '') {
    const certificates = engine === 'docker' ? environment['DOCKER_CERT_PATH'] : undefined;
    const wantsTls = (environment['DOCKER_TLS_VERIFY'] ?? '') !== '' && engine === 'docker';
    return parseHost(
      engine,
      host,
      variable,
      wantsTls ? (certificates ?? dockerDirectory(environment)) : undefined,
    );
  }
  if (engine === 'podman') return unixAddress(podmanSocket(environment));
  return (await dockerContext(environment)) ?? unixAddress(dockerSocket(environment));
}

async function parseHost(
  engine: EngineName,
  host: string,
  from: string,
  certificates: string | undefined,
): Promise<EngineAddress> {
  const shown = `${printable(host)} (${from})`;
  if (host.startsWith('unix://')) return { shown, socketPath: host.slice('unix://'.length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === 'ssh:') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `${from}: an engine behind ssh is not spoken to`, {
      hint: `Let ssh bring the image: ssh ${printable(url.host)} ${engine} save NAME | ocirender convert - …`,
    });
  }
  if (url === undefined || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${from}: ${JSON.stringify(printable(host))} is no address of an engine`,
      {
        hint: 'It must be unix:///PATH or tcp://HOST:PORT.',
      },
    );
  }
  const isTls = url.protocol === 'https:' || certificates !== undefined;
  // URL keeps `tcp:` from becoming `http:`: they are of two kinds.
  const target = new URL(`${isTls ? 'https' : 'http'}://${url.host}`);
  if (url.port === '') target.port = isTls ? '2376' : '2375';
  return { shown, url: target, ...(certificates === undefined ? {} : { tls: await readTls(certificates) }) };
}

/** What `docker context` keeps: `contexts/meta/SHA-256 OF THE NAME/meta.json`. */
async function dockerContext(environment: Environment): Promise<EngineAddress | undefined> {
  const directory = dockerDirectory(environment);
  const name = environment['DOCKER_CONTEXT'] || (await currentContext(directory));
  if (name === undefined || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const path = join(directory, 'contexts/meta', id, 'meta.json');
  let host: unknown;
  try {
    const meta = JSON.parse(await readFile(path, 'utf8')) as {
      Endpoints?: Record<string, { Host?: unknown } | undefined>;
    };
    host = meta.Endpoints?.['docker']?.Host;
  } catch (error) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `Docker's context ${JSON.stringify(printable(name))} cannot be read: ${(error as Error).message}`,
      { cause: error, hint: 'List contexts with "docker context ls", or set DOCKER_HOST.' },
    );
  }
  if (typeof host !== 'string' || host === '') return undefined;
  const tls = join(directory, 'contexts/tls', id, 'docker');
  return parseHost('docker', host, `Docker's context ${printable(name)}`, existsSync(tls) ? tls : undefined);
}

async function currentContext(directory: string): Promise<string | undefined> {
  try {
    const { currentContext } = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as {
      currentContext?: unknown;
    };
    return typeof currentContext === 'string' && currentContext !== '' ? currentContext : undefined;
  } catch {
    // No file, or one that is not Docker's: then no context is chosen.
    return undefined;
  }
}

async function readTls(directory: string): Promise<NonNullable<EngineAddress['tls']>> {
  const read = async (name: string): Promise<Buffer | undefined> =>
    readFile(join(directory, name)).catch(() => undefined);
  const [ca, cert, key] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map(read));
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function unixAddress(socketPath: string): EngineAddress {
  return { shown: `unix://${socketPath}`, socketPath };
}

/** Rootless Docker has its socket among the user's; its command finds it by a context. */
function dockerSocket({ XDG_RUNTIME_DIR: runtime }: Environment): string {
  const system = '/var/run/docker.sock';
  const own = runtime === undefined ? system : join(runtime, 'docker.sock');
  return !existsSync(system) && existsSync(own) ? own : system;
}

function podmanSocket({ XDG_RUNTIME_DIR: runtime }: Environment): string {
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? '/run/podman/podman.sock' : join(runtime ?? `/run/user/${uid}`, 'podman/podman.sock');
}
