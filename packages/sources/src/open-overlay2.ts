import type { Image, Layer } from '@ocirender/interface';
import { OcirenderError } from '@ocirender/interface';
import { readOverlay2Chain, type StoredDiff } from './overlay2-chain.ts';
import { walkDiff, type XattrReader } from './overlay2-diff.ts';
import { tarOfEntries } from './overlay2-stream.ts';

/**
 * Opens an image in Docker's overlay2 storage: the layers are the directories `diff`, read as uncompressed tars that
 * are made as they are asked for. There is no manifest, no config and no digest; a layer's name is `overlay2:ID`.
 *
 * @param directory - `/var/lib/docker/overlay2/ID`, with the layers below it that its file `lower` names
 * @returns the image
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_INVALID_IMAGE`, `ERR_OCIRENDER_PATH_ESCAPE`,
 * `ERR_OCIRENDER_IO`, `ERR_OCIRENDER_USAGE` where extended attributes cannot be read
 */
export async function openOverlay2(directory: string): Promise<Image> {
  const chain = await readOverlay2Chain(directory);
  const readXattrs = await loadXattrs();
  return {
    reference: directory,
    layers: chain.map((diff) => layerOf(diff, readXattrs)),
  };
}

function layerOf({ path, id }: StoredDiff, readXattrs: XattrReader): Layer {
  const digest = `overlay2:${id}`;
  return {
    digest,
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    size: 0,
    marksSockets: true,
    open: (options) => tarOfEntries(walkDiff(path, readXattrs), options?.signal),
  };
}

/** Needed by few; so the package that binds the C library is an optional peer. */
async function loadXattrs(): Promise<XattrReader> {
  let module: typeof import('@ocirender/sink-dir');
  try {
    module = await import('@ocirender/sink-dir');
  } catch (error) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      "the package @ocirender/sink-dir, which reads extended attributes, cannot be loaded: Docker's storage cannot be read without",
      { cause: error, hint: 'Install it: npm install @ocirender/sink-dir' },
    );
  }
  const read = await module.loadXattrReader();
  if (read === undefined) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      "extended attributes cannot be read here: Docker's storage cannot be read without",
      { hint: 'That needs a 64-bit Linux.' },
    );
  }
  return (path) => read(Buffer.from(`${path}\0`, 'latin1'));
}
