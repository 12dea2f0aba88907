/**
 * Media types of what a layout holds besides layers.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md
 * @see https://distribution.github.io/distribution/spec/manifest-v2-2/
 */
const KINDS: Readonly<Record<string, 'index' | 'manifest' | 'schema1'>> = {
  'application/vnd.oci.image.index.v1+json': 'index',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
  'application/vnd.oci.image.manifest.v1+json': 'manifest',
  'application/vnd.docker.distribution.manifest.v2+json': 'manifest',
  'application/vnd.docker.distribution.manifest.v1+json': 'schema1',
  'application/vnd.docker.distribution.manifest.v1+prettyjws': 'schema1',
};

const IMAGE_CONFIGS: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** Lower case, without parameters. */
function essence(mediaType: string): string {
  return (mediaType.split(';')[0] ?? '').trim().toLowerCase();
}

/** What a descriptor of this media type points to; undefined when the type does not tell. */
export function kindOfMediaType(mediaType: string | undefined): 'index' | 'manifest' | 'schema1' | undefined {
  if (mediaType === undefined) return undefined;
  const name = essence(mediaType);
  return Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
}

/** Whether a blob of an unfamiliar media type may still be a manifest: then its content decides. */
export function mayBeJson(mediaType: string | undefined): boolean {
  return (
    mediaType === undefined ||
    /[+/]json$/.test(essence(mediaType)) ||
    essence(mediaType) === 'application/octet-stream'
  );
}

/** Whether it is the config of a container image (and not a chart's, a module's or another artifact's). */
export function isImageConfig(mediaType: string | undefined): boolean {
  return mediaType !== undefined && IMAGE_CONFIGS.includes(essence(mediaType));
}

/** Whether the type says nothing about what the config is: very old tools wrote such. */
export function isUnspecificConfig(mediaType: string | undefined): boolean {
  return (
    mediaType === undefined ||
    essence(mediaType) === 'application/octet-stream' ||
    essence(mediaType) === 'application/json'
  );
}

/** Whether a layer of this media type can be a filesystem layer: a tar in some compression. */
export function mayBeTar(mediaType: string | undefined): boolean {
  return mediaType === undefined || /(^|[./+-])(tar|tgz)($|[./+-])/.test(essence(mediaType));
}
