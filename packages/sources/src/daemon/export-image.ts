import type { IncomingMessage, RequestOptions } from 'node:http';
import { abortedError, OcirenderError, printable, throwIfAborted } from '@ocirender/interface';
import type { EngineAddress, EngineName } from './engine-address.ts';

/** How long an engine may take until it begins to answer, in milliseconds: it writes layers to its disk first. */
const ANSWER_MS = 15 * 60 * 1000;
/** Longest error text that is read. */
const MAX_ERROR = 16 * 1024;

const TITLES: Readonly<Record<EngineName, string>> = { docker: 'Docker', podman: 'Podman' };

/**
 * Asks an engine for an image as `docker save` writes it.
 *
 * @param engine - for messages
 * @param address - where it listens
 * @param name - an image's name with its tag, or its id
 * @returns the archive, to be read to its end or destroyed
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` when it has no such image, `ERR_OCIRENDER_NETWORK` when it cannot be
 * reached or fails
 * @see https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Image/operation/ImageGet
 */
export async function exportImage(
  engine: EngineName,
  address: EngineAddress,
  name: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  throwIfAborted(signal);
  const title = TITLES[engine];
  let response: IncomingMessage;
  try {
    response = await send(
      address,
      `/images/${name.split('/').map(encodeURIComponent).join('/')}/get`,
      signal,
    );
  } catch (error) {
    throwIfAborted(signal);
    throw unreachable(engine, title, address, error as NodeJS.ErrnoException);
  }
  if (response.statusCode === 200) return response;
  const said = await readError(response);
  if (response.statusCode === 404) {
    throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${title} has no image ${printable(name)}${said}`, {
      hint: `List what it has with "${engine} images", or fetch it: ${engine} pull ${printable(name)}. It was asked at ${address.shown}.`,
    });
  }
  throw new OcirenderError(
    'ERR_OCIRENDER_NETWORK',
    `${title} at ${address.shown} answers ${response.statusCode} to the request for ${printable(name)}${said}`,
  );
}

async function send(
  { socketPath, url, tls }: EngineAddress,
  path: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const isTls = url?.protocol === 'https:';
  // To load it takes as long as a small conversion.
  const { request: begin } = isTls ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      path,
      timeout: ANSWER_MS,
      headers: { host: url?.host ?? 'localhost', 'user-agent': 'ocirender' },
      ...(socketPath === undefined ? { host: url!.hostname, port: url!.port } : { socketPath }),
      ...(signal === undefined ? {} : { signal }),
      agent: false,
    };
    const request = begin(isTls ? { ...options, ...tls } : options);
    request.on('timeout', () => request.destroy(new Error(`nothing came for ${ANSWER_MS / 60_000} minutes`)));
    request.on('error', reject);
    request.on('response', (response) => {
      signal?.addEventListener('abort', () => response.destroy(abortedError(signal.reason)), { once: true });
      resolve(response);
    });
    request.end();
  });
}

/** What an engine says of its failure: `{"message": …}`, Podman also `{"cause": …}`. */
async function readError(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk as string;
      if (text.length > MAX_ERROR) break;
    }
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? `: ${printable(message.trim())}` : '';
  } catch {
    return '';
  }
}

function unreachable(
  engine: EngineName,
  title: string,
  { shown }: EngineAddress,
  error: NodeJS.ErrnoException,
): OcirenderError {
  const [what, hint] = {
    ENOENT: [
      'there is no such socket',
      engine === 'docker'
        ? 'Start Docker, or say with DOCKER_HOST (or a context) where it listens.'
        : 'Start its service (podman system service --time=0 &), or say with CONTAINER_HOST where it listens. Or pipe: podman save NAME | ocirender convert - …',
    ],
    EACCES: [
      'its socket may not be opened',
      `Run as a user who may (${engine === 'docker' ? 'of the group docker' : 'the one whose service it is'}), or pipe: ${engine} save NAME | ocirender convert - …`,
    ],
    ECONNREFUSED: ['nobody listens there', `Start ${title}.`],
  }[error.code ?? ''] ?? [error.message, undefined];
  return new OcirenderError('ERR_OCIRENDER_NETWORK', `${title} cannot be reached at ${shown}: ${what}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
