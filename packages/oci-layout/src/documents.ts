/**
 * The documents of an image (index, manifest, config), for packages that fetch them from elsewhere.
 *
 * @packageDocumentation
 */

export { checkDigest } from './blob-store.ts';
export { sizeMismatch } from './digest.ts';
export { hostsOf } from './hosts-of.ts';
export { hasTarLayers, isAttestation } from './index-walk.ts';
export { printable } from './json.ts';
export type { Descriptor, ImageConfig, IndexDocument, ManifestDocument } from './manifest.ts';
export { parseConfig, parseDocument } from './manifest.ts';
export { isImageConfig, isUnspecificConfig, kindOfMediaType, mayBeJson } from './media-types.ts';
export { normalizePlatform, platformDistance } from './platform.ts';
