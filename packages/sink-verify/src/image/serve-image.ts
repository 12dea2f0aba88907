import type { MessagePort } from 'node:worker_threads';
import { type ImageSource, isReader, OcirenderError } from '@ocirender/interface';
import { LocalImage } from './local-image.ts';
import { packNames } from './names-batch.ts';
import { type Answer, type ImageLocation, packError, type Request } from './thread-protocol.ts';

/** Where answers go: a part of `MessagePort`. */
export type AnswerPort = Pick<MessagePort, 'on' | 'postMessage'>;

/**
 * Opens an image in this thread.
 *
 * @param location - reader and path
 * @throws {OcirenderError} whatever the reader throws; `ERR_OCIRENDER_USAGE` when the module exports no reader
 */
export async function openLocation(location: ImageLocation): Promise<ImageSource> {
  const module = (await import(location.module)) as Readonly<Record<string, unknown>>;
  const reader = module[location.export];
  const { path, threads, strict = false } = location;
  if (isReader(reader)) return reader.open(path, { threads, strict });
  throw new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `${location.module} exports no reader as "${location.export}"`,
  );
}

/**
 * Answers another thread's requests about one image, one after the other.
 *
 * @param port - to the other thread
 * @param location - the image
 */
export async function serveImage(port: AnswerPort, location: ImageLocation): Promise<void> {
  const answer = (message: Answer, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const failed = (error: unknown): void => answer({ type: 'failed', failure: packError(error) });
  let image: LocalImage;
  try {
    const source = await openLocation(location);
    image = new LocalImage(source, location.limits);
    answer({ type: 'opened', format: source.format, times: source.times });
  } catch (error) {
    failed(error);
    return;
  }
  const serve = async (request: Request): Promise<void> => {
    if (request.type === 'names') {
      for await (const names of image.names()) {
        const batch = packNames(names);
        answer({ type: 'names', ...batch }, [batch.numbers.buffer]);
      }
    } else {
      const onBytes = (bytes: number): void => answer({ type: 'bytes', bytes });
      for await (const batch of image.digests(request.ids, { onBytes })) {
        answer({ type: 'digests', ...batch }, [batch.ids.buffer, batch.digests.buffer]);
      }
    }
    answer({ type: 'done' });
  };
  port.on('message', (request: Request) => void serve(request).catch(failed));
}
