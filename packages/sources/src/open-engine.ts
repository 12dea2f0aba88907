import type { IncomingMessage } from 'node:http';
import { OcirenderError, printable, throwIfAborted } from '@ocirender/interface';
import { type EngineName, engineAddress } from './daemon/engine-address.ts';
import { exportImage } from './daemon/export-image.ts';
import { engineImageName } from './daemon/image-name.ts';
import { type OpenArchive, type OpenArchiveOptions, openArchiveStream } from './open-archive.ts';

/**
 * Opens an image that Docker or Podman keeps, by the engine's API: it is streamed as `docker save` writes it, into a
 * temporary file that has no name.
 *
 * @param engine - whose image
 * @param name - with or without a tag, or an id
 * @param options - signal, directory for temporary files, limits; where engines are looked for
 * @returns its files
 * @throws {OcirenderError} as `exportImage`, `engineAddress` and {@link openArchiveStream}
 */
export async function openEngineImage(
  engine: EngineName,
  name: string,
  options: OpenArchiveOptions & {
    readonly environment?: Readonly<Record<string, string | undefined>>;
  } = {},
): Promise<OpenArchive> {
  const { environment, signal } = options;
  const address = await engineAddress(engine, environment);
  const wanted = engineImageName(name);
  const response = await exportImage(engine, address, wanted, signal);
  const label = `${engine === 'docker' ? 'docker-daemon' : 'podman'}:${wanted}`;
  try {
    return await openArchiveStream(
      bytesOf(response, `${printable(label)}, from ${address.shown}`, signal),
      label,
      options,
    );
  } finally {
    response.destroy();
  }
}

async function* bytesOf(
  response: IncomingMessage,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* response as AsyncIterable<Uint8Array>;
  } catch (error) {
    throwIfAborted(signal);
    const message = `${what}: the connection broke: ${(error as Error).message}`;
    throw new OcirenderError('ERR_OCIRENDER_NETWORK', message, { cause: error });
  }
}
