import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { collect, FakeRegistry } from '../../test/fake-registry.ts';
import type { RegistryEvent } from '../events.ts';
import { openRegistryImage } from '../open-image.ts';
import type { OpenRegistryImageOptions } from '../options.ts';
import { pullImage } from '../pull/pull-image.ts';
import { parseReference } from '../reference.ts';
import { parseConf, readRegistriesConf } from './read-conf.ts';
import { type Place, resolveAlias, routeOf } from './route.ts';

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../../test/fixtures/tls/${name}`, import.meta.url));
const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ocirender-conf-'));
  directories.push(directory);
  return directory;
}

/** A file with this text, as the only one that counts. */
function environmentOf(text: string): Record<string, string> {
  const file = join(temporary(), 'registries.conf');
  writeFileSync(file, text);
  return { HOME: temporary(), CONTAINERS_REGISTRIES_CONF: file };
}

async function read(
  name: string,
  text: string,
  options: OpenRegistryImageOptions = {},
): Promise<{ content: string; events: RegistryEvent[] }> {
  const events: RegistryEvent[] = [];
  const image = await openRegistryImage(name, {
    platform: 'linux/amd64',
    retry: { attempts: 1 },
    environment: environmentOf(text),
    onEvent: (event) => events.push(event),
    ...options,
  });
  try {
    return { content: (await collect(image.layers[0]!.open())).toString(), events };
  } finally {
    await image.close();
  }
}

async function start(content: string, tls = false): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start(
    tls ? { cert: pem('server.pem'), key: pem('server.key') } : undefined,
  );
  registry.image([content], 'amd64', '1', 'latest');
  return registry;
}

describe('where an image is looked for', () => {
  const route = async (text: string, name: string): Promise<string[] | undefined> => {
    const { registries, aliases } = await parseConf(text, '/f').then(({ registries, aliases }) => ({
      registries,
      aliases: new Map(aliases.map(([alias, meaning]) => [alias, { name: meaning, file: '/f' }])),
    }));
    const found = routeOf(parseReference(name), { registries, aliases });
    const shown = ({ host, repository, insecure }: Place): string =>
      `${host}/${repository}${insecure ? ' (insecure)' : ''}`;
    return found && [...found.mirrors.map(shown), `= ${found.location ? shown(found.location) : 'as it is'}`];
  };
  const CONF = `
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.example/hub"
[[registry.mirror]]
location = "tags.example"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "digests.example:5000"
pull-from-mirror = "digest-only"
insecure = true
[[registry]]
prefix = "docker.io/library/special"
location = "other.example/odd"
[[registry]]
prefix = "*.wild.example"
insecure = true
`;
  const digest = `sha256:${'a'.repeat(64)}`;
  test.each<[string, string[] | undefined]>([
    ['nginx:1', ['mirror.example/hub/library/nginx', 'tags.example/library/nginx', '= as it is']],
    [`a/b@${digest}`, ['mirror.example/hub/a/b', 'digests.example:5000/a/b (insecure)', '= as it is']],
    ['special:1', ['= other.example/odd']],
    ['special/below', ['mirror.example/hub/special/below', 'tags.example/special/below', '= as it is']],
    ['specially', ['mirror.example/hub/library/specially', 'tags.example/library/specially', '= as it is']],
    ['a.wild.example:5000/x', ['= a.wild.example:5000/x (insecure)']],
    ['wild.example/x', undefined],
    ['ghcr.io/x', undefined],
  ])('%s', async (name, expected) => {
    expect(await route(CONF, name)).toEqual(expected);
  });

  test.each([
    ['not toml at all', /^\/f: is not TOML/],
    ['[registries.search]\nregistries = ["docker.io"]', /^\/f: is of version 1/],
    ['[[registry]]\ninsecure = true', /registry\[0\] has neither a prefix nor a location/],
    ['[[registry]]\nlocation = 5', /registry\[0\]\.location must be a string/],
    ['[[registry]]\nlocation = "x"\nblocked = "yes"', /registry\[0\]\.blocked must be true or false/],
    [
      '[[registry]]\nlocation = "x"\n[[registry.mirror]]\nlocation = "y"\npull-from-mirror = "never"',
      /pull-from-mirror must be/,
    ],
    ['registry = "x"', /registry must be an array/],
    ['[aliases]\nx = 1', /aliases\.x must be a string/],
  ])('%j is malformed', async (text, message) => {
    await expect(parseConf(text, '/f')).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message: expect.stringMatching(message),
    });
  });

  test('the files: one main file, then those of the directory; an empty alias takes one back', async () => {
    const home = temporary();
    const own = join(home, '.config/containers');
    mkdirSync(join(own, 'registries.conf.d'), { recursive: true });
    writeFileSync(
      join(own, 'registries.conf'),
      '[[registry]]\nlocation = "a.example"\n[aliases]\nx = "a.example/x"\ny = "a.example/y"',
    );
    writeFileSync(
      join(own, 'registries.conf.d/10.conf'),
      '[[registry]]\nlocation = "a.example"\nblocked = true\n[aliases]\nx = ""',
    );
    writeFileSync(join(own, 'registries.conf.d/20.txt'), 'not read');
    const conf = await readRegistriesConf({ HOME: home });
    expect(conf.registries.find(({ prefix }) => prefix === 'a.example')).toMatchObject({ blocked: true });
    expect(conf.aliases.has('x')).toBe(false);
    expect(resolveAlias('y:1', conf)).toEqual({ text: 'a.example/y:1', file: join(own, 'registries.conf') });
    expect(resolveAlias('ghcr.io/y', conf)).toBeUndefined();
    expect(await readRegistriesConf({ CONTAINERS_REGISTRIES_CONF: '/no/such' })).toEqual({
      registries: [],
      aliases: new Map(),
    });
  });
});

describe('an image is fetched', () => {
  test('from a mirror, under the name that it has there, and from the registry when the mirror fails', async () => {
    const mirror = await start('mirrored');
    const registry = await start('original');
    const conf = (host: string): string =>
      `[[registry]]\nprefix = "${registry.host}/team"\nlocation = "${registry.host}/team"\ninsecure = true\n[[registry.mirror]]\nlocation = "${host}/cache"\ninsecure = true`;
    expect((await read(`${registry.host}/team/app:1`, conf(mirror.host))).content).toBe('mirrored');
    expect(mirror.seen[0]!.url).toMatch(/^\/v2\/cache\/app\/manifests\/1\?ns=/);
    expect(registry.seen.filter(({ url }) => url.startsWith('/v2/'))).toEqual([]);
    const { content, events } = await read(`${registry.host}/team/app:1`, conf('localhost:1'));
    expect(content).toBe('original');
    expect(events.filter(({ type }) => type === 'mirror-failed')).toHaveLength(1);
    // What is named for this run counts more.
    const other = await start('named');
    const named = { mirrors: { [registry.host]: `http://${other.host}` }, insecure: true };
    expect((await read(`${registry.host}/team/app:1`, conf(mirror.host), named)).content).toBe('named');
  });

  test('from another place, with the name of the reference', async () => {
    const moved = await start('moved');
    const conf = `[[registry]]\nprefix = "old.example"\nlocation = "${moved.host}/new"\ninsecure = true`;
    const directory = join(temporary(), 'layout');
    const report = await pullImage('old.example/x:1', directory, {
      platform: 'linux/amd64',
      environment: environmentOf(conf),
    });
    expect(report).toMatchObject({ reference: 'old.example/x:1', names: ['old.example/x:1', '1'] });
    expect(moved.seen.at(-1)!.url).toContain('/v2/new/x/');
  });

  test('by TLS without a check where the server is insecure, with an event; only that server', async () => {
    const secure = await start('secret', true);
    const conf = `[[registry]]\nlocation = "${secure.host}"\ninsecure = true`;
    const { content, events } = await read(`${secure.host}/a/b:1`, conf);
    expect(content).toBe('secret');
    expect(events).toContainEqual({
      type: 'unverified',
      host: secure.host,
      because: expect.stringContaining('registries.conf'),
    });
    await expect(read(`${secure.host}/a/b:1`, '')).rejects.toThrow(/not trusted/);
  });

  test('by its alias, if it has no host and no prefix', async () => {
    const registry = await start('aliased');
    const conf = [
      `[[registry]]\nlocation = "${registry.host}"\ninsecure = true`,
      '[[registry]]\nlocation = "docker.io"\nblocked = true',
      `[aliases]\n"app" = "${registry.host}/team/app"`,
    ].join('\n');
    const { content, events } = await read('app:1', conf);
    expect(content).toBe('aliased');
    expect(events[0]).toMatchObject({ type: 'alias', name: 'app:1', meaning: `${registry.host}/team/app:1` });
    await expect(read('docker://app:1', conf)).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message: expect.stringMatching(
        /registries\.conf blocks docker\.io: docker\.io\/library\/app is not fetched$/,
      ),
    });
  });

  test('as if there were no such file where the caller wants it so', async () => {
    const registry = await start('x');
    const conf = `[[registry]]\nlocation = "${registry.host}"\nblocked = true`;
    await expect(read(`${registry.host}/a/b:1`, conf, { insecure: true })).rejects.toThrow(/blocks/);
    const ignored = await read(`${registry.host}/a/b:1`, conf, { insecure: true, useRegistriesConf: false });
    expect(ignored.content).toBe('x');
  });
});
