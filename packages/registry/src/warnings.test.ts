import { expect, test } from 'vitest';
import { FakeRegistry } from '../test/fake-registry.ts';
import type { RegistryEvent } from './events.ts';
import { openRegistryImage } from './open-image.ts';
import { parseWarnings } from './warnings.ts';

test.each<[string[], string[]]>([
  [['299 - "this tag is going away"'], ['this tag is going away']],
  [['299 - "one", 299 - "two"'], ['one', 'two']],
  [['299 - "says \\"no\\""'], ['says "no"']],
  [['299 - "a\u0007b\u202ec"'], ['a b c']],
  [['110 anderson/1.3.37 "Response is stale"'], []],
  [['299 - ""', 'nonsense', ''], []],
])('%j', (headers, texts) => {
  expect(parseWarnings(headers)).toEqual(texts);
});

test('what a registry has to say is passed on, once', async () => {
  const registry = await FakeRegistry.start();
  registry.image(['x'], 'amd64', '1');
  registry.intercepts.push((_, response) => {
    response.setHeader('warning', '299 - "moves in May"');
    return false;
  });
  const events: RegistryEvent[] = [];
  const image = await openRegistryImage(`${registry.host}/a/b:1`, {
    insecure: true,
    environment: {},
    platform: 'linux/amd64',
    onEvent: (event) => events.push(event),
  });
  await image.close();
  expect(registry.seen.length).toBeGreaterThan(1);
  expect(events.filter(({ type }) => type === 'warning')).toEqual([
    { type: 'warning', host: registry.host, text: 'moves in May' },
  ]);
});

test('a mirror is told for whom it is asked; one that cannot be reached is asked once', async () => {
  const registry = await FakeRegistry.start();
  const mirror = await FakeRegistry.start();
  for (const server of [registry, mirror]) server.image(['x', 'y'], 'amd64', '1');
  const options = {
    insecure: true,
    environment: {},
    retry: { attempts: 2, backoffMs: 1 },
    platform: 'linux/amd64',
  };
  const read = async (mirrors: string[]): Promise<RegistryEvent[]> => {
    const events: RegistryEvent[] = [];
    const image = await openRegistryImage(`${registry.host}/a/b:1`, {
      ...options,
      mirrors: { [registry.host]: mirrors },
      onEvent: (event) => events.push(event),
    });
    for (const layer of image.layers) for await (const _ of layer.open());
    await image.close();
    return events;
  };
  await read([`http://${mirror.host}`]);
  expect(mirror.seen.map(({ url }) => new URL(url, 'http://x').searchParams.get('ns'))).toEqual(
    mirror.seen.map(() => registry.host),
  );
  expect(registry.seen).toEqual([]);
  const events = await read(['http://localhost:1']);
  expect(events.filter(({ type }) => type === 'mirror-failed')).toHaveLength(1);
  expect(registry.seen.every(({ url }) => !url.includes('ns='))).toBe(true);
});
