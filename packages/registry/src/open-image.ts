import { type Image, OcirenderError, throwIfAborted } from '@ocirender/interface';
import type { OpenRegistryImageOptions } from './options.ts';

/** An image of a registry. Its layers are downloaded as they are opened, each open a download of its own. */
export interface RegistryImage extends Image {
  readonly manifestDigest: string;
  /** Closes idle connections; streams that are open end with an error. May be called twice. */
  close(): Promise<void>;
}

/**
 * Opens an image of a registry. Index, manifest and config are fetched and verified now; a layer when it is opened:
 * its stream retries and resumes by itself, and checks size and digest at its end.
 *
 * @param reference - for example `nginx:1.27`, `ghcr.io/owner/name@sha256:…`, also with the prefix `docker://`
 */
export async function openRegistryImage(
  reference: string,
  options: OpenRegistryImageOptions = {},
): Promise<RegistryImage> {
  const { signal } = options;
  throwIfAborted(signal);
  throw new OcirenderError('ERR_OCIRENDER_NETWORK', `${reference}: this commit has the types only`);
}
