import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeRegistry, sendError, TYPES } from '../test/fake-registry.ts';
import { temporaryDirectory } from '../test/temporary.ts';
import { serversWords } from './answer.ts';
import { findCredentials } from './credentials/find-credentials.ts';
import { openRegistryImage } from './open-image.ts';
import type { OpenRegistryImageOptions } from './options.ts';
import { LayoutIndex } from './pull/layout-index.ts';
import { documentLimits } from './settings.ts';

const FAST: OpenRegistryImageOptions = {
  insecure: true,
  environment: {},
  platform: 'linux/amd64',
  retry: { attempts: 2, backoffMs: 0, headersTimeoutMs: 3000, stallTimeoutMs: 3000 },
};

/** Success, or an error of ours; anything else fails the test. */
async function outcome(task: Promise<unknown>): Promise<string> {
  try {
    await task;
    return 'success';
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    return error.code;
  }
}

async function opened(name: string): Promise<string> {
  return outcome(openRegistryImage(name, FAST).then((image) => image.close()));
}

/** The bytes with some of them changed, removed or doubled. */
function mutations(bytes: Buffer): fc.Arbitrary<Buffer> {
  const edit = fc.record({
    at: fc.nat(bytes.length - 1),
    remove: fc.nat(3),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom(
        ...['{', '}', '[', ']', '"', 'null', '-1', '1e99', ','].map((text) => Buffer.from(text)),
      ),
    ),
  });
  return fc
    .array(edit, { minLength: 1, maxLength: 3 })
    .map((edits) =>
      edits.reduce<Buffer>(
        (result, { at, remove, insert }) =>
          Buffer.concat([result.subarray(0, at), insert, result.subarray(at + remove)]),
        bytes,
      ),
    );
}

describe('what a registry answers', () => {
  let server: Server;
  let answer: Uint8Array = Buffer.alloc(0);
  let host: string;

  /** Sends the same bytes to whoever connects, whatever is asked. */
  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test.each<[string, string, string]>([
    ['nothing', '', 'ERR_OCIRENDER_NETWORK'],
    ['noise', '\u0000\u0001 noise\r\n\r\n', 'ERR_OCIRENDER_NETWORK'],
    ['half a header', 'HTTP/1.1 200 OK\r\nContent-Le', 'ERR_OCIRENDER_NETWORK'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      'ERR_OCIRENDER_NETWORK',
    ],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab', 'ERR_OCIRENDER_NETWORK'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`, 'ERR_OCIRENDER_NETWORK'],
    [
      'a redirect to nowhere',
      'HTTP/1.1 307 x\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n',
      'ERR_OCIRENDER_REGISTRY',
    ],
    [
      'a redirect to a file',
      'HTTP/1.1 307 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n',
      'ERR_OCIRENDER_REGISTRY',
    ],
    ['an empty document', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'ERR_OCIRENDER_INVALID_IMAGE'],
    ['no document', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull', 'ERR_OCIRENDER_INVALID_IMAGE'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 'ERR_OCIRENDER_REGISTRY'],
    ['401 without a challenge', 'HTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n', 'ERR_OCIRENDER_AUTH'],
    [
      'a challenge without a realm',
      'HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n',
      'ERR_OCIRENDER_REGISTRY',
    ],
    [
      'a digest that is none',
      'HTTP/1.1 200 OK\r\nDocker-Content-Digest: x\r\nContent-Length: 2\r\n\r\n{}',
      'ERR_OCIRENDER_INVALID_DIGEST',
    ],
  ])('%s', async (_, bytes, code) => {
    answer = Buffer.from(bytes, 'latin1');
    expect(await opened(`${host}/a/b:1`)).toBe(code);
  });

  test('any bytes give an error of ours', async () => {
    const head = fc.constantFrom(
      '',
      'HTTP/1.1 ',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 401 x\r\nWWW-Authenticate: ',
    );
    const rest = fc.uint8Array({ maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(head, rest, async (text, bytes) => {
        answer = Buffer.concat([Buffer.from(text), bytes]);
        expect(await opened(`${host}/a/b:1`)).toMatch(/^ERR_OCIRENDER_/);
      }),
      { numRuns: 60 },
    );
  });
});

test('mutated manifests and indexes', async () => {
  const registry = await FakeRegistry.start();
  registry.image(['layer'], 'amd64', 'image');
  registry.index(['amd64', 'arm64'], 'index');
  for (const tag of ['image', 'index']) {
    const { bytes, mediaType } = registry.manifests.get(tag)!;
    await fc.assert(
      fc.asyncProperty(mutations(bytes), async (mutated) => {
        registry.manifests.set('mutated', { bytes: mutated, mediaType });
        expect(await opened(`${registry.host}/a/b:mutated`)).toMatch(/^(success|ERR_OCIRENDER_\w+)$/);
      }),
      { numRuns: 60 },
    );
  }
});

test('any answer of a token server', async () => {
  const registry = await FakeRegistry.start();
  registry.image(['layer'], 'amd64', '1');
  let token = '';
  registry.intercepts.push(({ url }, response) => {
    if (url.startsWith('/token')) {
      response.end(token);
    } else {
      response.setHeader('www-authenticate', `Bearer realm="http://${registry.host}/token"`);
      sendError(response, 401, 'UNAUTHORIZED', '');
    }
    return true;
  });
  const field = fc.constantFrom('token', 'access_token', 'expires_in', 'x');
  const body = fc.oneof(
    fc.string(),
    fc.dictionary(field, fc.anything()).map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      token = text;
      expect(await opened(`${registry.host}/a/b:1`)).toMatch(/^ERR_OCIRENDER_(REGISTRY|AUTH)$/);
    }),
    { numRuns: 60 },
  );
});

test('any error body becomes one short line', () => {
  const body = fc.oneof(
    fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
    fc.json(),
    fc.record({ errors: fc.array(fc.anything()) }).map((value) => JSON.stringify(value)),
    fc.string().map((text) => JSON.stringify({ errors: [{ code: text, message: text.repeat(200) }] })),
  );
  fc.assert(
    fc.property(body, (text) => {
      const words = serversWords(text);
      expect(words.length).toBeLessThanOrEqual(301);
      expect(words).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    }),
  );
});

test('mutated credential files', async () => {
  const home = temporaryDirectory();
  mkdirSync(join(home, '.docker'));
  const auth = Buffer.from('user:word').toString('base64');
  const content = JSON.stringify({
    auths: { 'a.example': { auth, identitytoken: '' } },
    credHelpers: { 'b.example': 'x' },
  });
  await fc.assert(
    fc.asyncProperty(mutations(Buffer.from(content)), async (mutated) => {
      writeFileSync(join(home, '.docker/config.json'), mutated);
      const found = findCredentials('a.example', 'x', { environment: { HOME: home, PATH: home } });
      expect(await outcome(found)).toMatch(/^(success|ERR_OCIRENDER_AUTH)$/);
    }),
  );
});

test('mutated index.json', async () => {
  const directory = temporaryDirectory();
  const digest = `sha256:${'0'.repeat(64)}`;
  const entry = {
    mediaType: TYPES.manifest,
    digest,
    size: 3,
    annotations: { 'org.opencontainers.image.ref.name': 'x' },
  };
  const content = JSON.stringify({ schemaVersion: 2, manifests: [entry] });
  await fc.assert(
    fc.asyncProperty(mutations(Buffer.from(content)), async (mutated) => {
      writeFileSync(join(directory, 'index.json'), mutated);
      const entered = LayoutIndex.open(directory, documentLimits()).then((index) =>
        index.enter({ mediaType: '', digest, size: 3, platform: undefined, tag: 'x', fullName: 'a/x' }),
      );
      expect(await outcome(entered)).toMatch(/^(success|ERR_OCIRENDER_\w+)$/);
    }),
  );
});
