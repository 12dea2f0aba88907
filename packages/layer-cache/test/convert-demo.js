// Converts the demo's image, with options of a few kinds.
import { fileURLToPath } from 'node:url';
import { convert } from '@ocirender/core';
import { squashfsSink } from '@ocirender/sink-squashfs';

const IMAGE = fileURLToPath(new URL('../../../examples/demo/image', import.meta.url));

/** How many kinds there are. */
export const KINDS = 4;

/** Writes the image of a kind. */
export async function convertDemo(output, cache, kind) {
  const sinkOptions = { compression: 'gzip', 'block-size': 4096 << (kind % KINDS) };
  await convert({
    image: IMAGE,
    output,
    sink: squashfsSink,
    sinkOptions,
    threads: 1,
    ...(cache === undefined ? {} : { cache }),
  });
}
