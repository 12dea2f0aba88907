/**
 * Images on disk: OCI image layouts and unpacked `docker save` directories.
 *
 * ```js
 * import { openImage } from '@ocirender/oci-layout';
 *
 * const image = await openImage('./nginx:1.27', { platform: 'linux/amd64' });
 * for (const layer of image.layers) {
 *   for await (const chunk of layer.open()) process.stdout.write(`${layer.digest} ${chunk.length}\n`);
 * }
 * ```
 *
 * @packageDocumentation
 */

export type { Digest, Expected } from './digest.ts';
export { parseDigest, verifyingStream } from './digest.ts';
export type { FileTree, OpenFile } from './file-tree.ts';
export type { LayoutLimits } from './limits.ts';
export type { ImageForm, ListedImage, ListOptions, OpenLayoutOptions, WantedImage } from './open-image.ts';
export { listImages, listImagesIn, openImage, openImageIn } from './open-image.ts';
export { formatPlatform, hostPlatform, parsePlatform } from './platform.ts';
export type { RecognizedForm, TellingFile } from './recognize-image.ts';
export { recognizeDirectory, recognizeImage, TELLING_BYTES, TELLING_FILES } from './recognize-image.ts';
export type { ImageReference } from './reference.ts';
export { parseReference } from './reference.ts';
