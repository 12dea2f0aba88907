// Lists an image twice; the second time no layer is read.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openMergedImage } from '@ocirender/core';
import { LayerCache } from '@ocirender/layer-cache';
import { openImage } from '@ocirender/oci-layout';

const layout = process.argv[2] ?? fileURLToPath(new URL('../../../examples/demo/image', import.meta.url));
const directory = await mkdtemp(join(tmpdir(), 'cache-'));
try {
  for (const time of ['first', 'second']) {
    const cache = await LayerCache.open(directory);
    const image = await openMergedImage(await openImage(layout), { cache, digests: false });
    const { hits, misses } = cache.use;
    console.log(`${time} time: ${image.facts.entries} names, ${hits} of ${hits + misses} layers known`);
    await image.close();
  }
} finally {
  await rm(directory, { recursive: true });
}
