import { describe, expect, test } from 'vitest';
import { FakeRegistry, sha256, type TestDescriptor, TYPES } from '../test/fake-registry.ts';
import { openRegistryImage } from './open-image.ts';

const THING = 'application/vnd.example.thing.v1+json';

/** Opens the tag `1`, an index with these members, and gives its first layer's digest. */
async function chosen(
  registry: FakeRegistry,
  manifests: readonly unknown[],
  platform?: string,
): Promise<string> {
  registry.manifest({ schemaVersion: 2, mediaType: TYPES.index, manifests }, TYPES.index, '1');
  const image = await openRegistryImage(`${registry.host}/a/b:1`, {
    insecure: true,
    environment: {},
    retry: { attempts: 1 },
    ...(platform === undefined ? {} : { platform }),
  });
  await image.close();
  return image.layers[0]!.digest;
}

/** An image that says nowhere what it is for. */
function silent(registry: FakeRegistry, layer: string): TestDescriptor {
  const config = registry.blob(
    JSON.stringify({ rootfs: { type: 'layers', diff_ids: [sha256(layer)] } }),
    TYPES.config,
  );
  const document = { schemaVersion: 2, mediaType: TYPES.manifest, config, layers: [registry.blob(layer)] };
  return registry.manifest(document, TYPES.manifest);
}

describe('what an index names besides images is passed over', () => {
  test.each<[string, (registry: FakeRegistry) => unknown]>([
    ['an unfamiliar type', (registry) => registry.manifest({ thing: 1 }, THING)],
    [
      'an unfamiliar type for the same platform',
      (registry) => ({ ...registry.manifest({}, THING), platform: { os: 'linux', architecture: 'amd64' } }),
    ],
    ['an unfamiliar type that is not there', () => ({ mediaType: THING, digest: sha256('gone'), size: 4 })],
    ['an unfamiliar digest', () => ({ mediaType: THING, digest: 'blake3:abcd', size: 4 })],
    ['an unfamiliar descriptor', () => ({ mediaType: THING, size: 'large', annotations: { a: 1 } })],
    [
      'an artifact',
      (registry) =>
        registry.manifest(
          { schemaVersion: 2, config: registry.blob('{}', THING), layers: [registry.blob('x', THING)] },
          TYPES.manifest,
        ),
    ],
  ])('%s', async (_, other) => {
    const registry = await FakeRegistry.start();
    expect(await chosen(registry, [other(registry), silent(registry, 'x')])).toBe(sha256('x'));
    const image = registry.image(['y'], 'amd64');
    expect(await chosen(registry, [other(registry), image], 'linux/amd64')).toBe(sha256('y'));
    expect(registry.count(sha256('gone'))).toBe(0);
  });

  test('but what claims to be an image and cannot be read is an error where nothing else fits', async () => {
    const registry = await FakeRegistry.start();
    const damaged = registry.manifest({ schemaVersion: 2, layers: 5 }, TYPES.manifest);
    const manifests = [damaged, silent(registry, 'x')];
    await expect(chosen(registry, manifests)).rejects.toMatchObject({ code: 'ERR_OCIRENDER_INVALID_IMAGE' });
    const image = { ...registry.image(['y'], 'amd64'), platform: undefined };
    expect(await chosen(registry, [damaged, image], 'linux/amd64')).toBe(sha256('y'));
  });

  test('two images that say nothing are not guessed between', async () => {
    const registry = await FakeRegistry.start();
    await expect(chosen(registry, [silent(registry, 'x'), silent(registry, 'y')])).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NO_PLATFORM',
    });
  });

  test('an index of such things only names no image', async () => {
    const registry = await FakeRegistry.start();
    await expect(chosen(registry, [registry.manifest({ a: 1 }, THING)])).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: expect.stringContaining('names no image'),
    });
  });
});
