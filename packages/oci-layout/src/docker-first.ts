import { LimitError } from '@ocirender/interface';
import type { BlobStore } from './blob-store.ts';
import type { SavedImage } from './docker-save.ts';
import { asObject, asString, field, invalidImage, type JsonObject, parseJson, printable } from './json.ts';

const REPOSITORIES = 'repositories';

/**
 * Reads the images of a `docker save` by a Docker older than 1.10: `repositories` gives the newest layer's id of each
 * tag, `ID/json` the layer's config and its parent, `ID/layer.tar` its bytes. Nothing has a digest.
 *
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_IMAGE`; `ERR_OCIRENDER_NOT_FOUND` when a layer is missing
 * @see https://github.com/moby/docker-image-spec/blob/v1.1.0/spec.md
 */
export async function readFirstImages(
  store: BlobStore,
  signal: AbortSignal | undefined,
): Promise<SavedImage[]> {
  const bytes = await store.readDocument(REPOSITORIES, REPOSITORIES, signal);
  const repositories = asObject(parseJson(bytes, REPOSITORIES), REPOSITORIES);
  const names = new Map<string, string[]>();
  for (const [repository, value] of Object.entries(repositories)) {
    const tags = asObject(value, `${REPOSITORIES}[${JSON.stringify(printable(repository))}]`);
    for (const [tag, top] of Object.entries(tags)) {
      const id = layerId(top, `${REPOSITORIES}: the tag "${printable(tag)}"`);
      const name = `${repository}:${tag}`;
      const known = names.get(id);
      if (known === undefined) names.set(id, [name]);
      else known.push(name);
      if (names.size > store.limits.manifests) {
        throw new LimitError('manifests', store.limits.manifests, `${REPOSITORIES} names too many images`);
      }
    }
  }
  const images: SavedImage[] = [];
  const parents = new Map<string, string | undefined>();
  for (const [id, own] of names) {
    const chain = await chainOf(store, id, parents, signal);
    images.push({
      config: `${id}/json`,
      names: own,
      layers: chain.reverse().map((layer) => `${layer}/layer.tar`),
    });
  }
  return images;
}

/** Follows the parents of a layer; newest first. */
async function chainOf(
  store: BlobStore,
  top: string,
  parents: Map<string, string | undefined>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const chain = new Set<string>();
  for (let id: string | undefined = top; id !== undefined; id = parents.get(id)) {
    if (chain.has(id)) throw invalidImage(`layer ${id} is its own ancestor`);
    chain.add(id);
    if (chain.size > store.limits.layers) {
      throw new LimitError('layers', store.limits.layers, `layer ${top} has too many ancestors`);
    }
    if (!parents.has(id)) parents.set(id, await parentOf(store, id, signal));
  }
  return [...chain];
}

async function parentOf(
  store: BlobStore,
  id: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const where = `${id}/json`;
  const json: JsonObject = asObject(parseJson(await store.readDocument(where, where, signal), where), where);
  const parent = field(json, 'parent');
  return parent === undefined || parent === '' ? undefined : layerId(parent, `${where}.parent`);
}

/** An id becomes part of a path. */
function layerId(value: unknown, where: string): string {
  const id = asString(value, where);
  if (/^[0-9a-f]{1,128}$/.test(id)) return id;
  throw invalidImage(`${where} is not a layer's id: "${printable(id)}"`);
}
