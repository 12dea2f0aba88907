import type { ServerResponse } from 'node:http';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  collect,
  FakeRegistry,
  type Intercept,
  type SeenRequest,
  sendBytes,
  sendError,
  sha256,
  someBytes,
  type TestDescriptor,
} from '../test/fake-registry.ts';
import { RegistryClient } from './client.ts';
import type { RegistryEvent } from './events.ts';
import type { RegistryOptions, RetryOptions } from './options.ts';

/** Waits that do not slow the tests down. */
const FAST: Partial<RetryOptions> = {
  attempts: 4,
  backoffMs: 1,
  maxBackoffMs: 2,
  headersTimeoutMs: 5000,
  stallTimeoutMs: 5000,
};
const BYTES = someBytes(700_000);

async function setUp(options: RegistryOptions = {}): Promise<{
  registry: FakeRegistry;
  blob: TestDescriptor;
  read: () => Promise<Buffer>;
  events: RegistryEvent[];
}> {
  const registry = await FakeRegistry.start();
  const blob = registry.blob(BYTES);
  const events: RegistryEvent[] = [];
  const client = new RegistryClient(registry.host, {
    insecure: true,
    environment: {},
    retry: FAST,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const read = async (): Promise<Buffer> => {
    try {
      return await collect(client.readBlob('some/image', blob));
    } finally {
      await client.close();
    }
  };
  return { registry, blob, read, events };
}

/** Begins to answer as the registry would, but only gives some bytes before `end` happens. */
function only(
  bytes: number,
  end: (response: ServerResponse) => void,
  headers: Record<string, string> = {},
): Intercept {
  return (request, response) => {
    const from = rangeStart(request);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': BYTES.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` } : {}),
      ...headers,
    });
    response.write(BYTES.subarray(from, from + bytes), () => end(response));
    return true;
  };
}
const rangeStart = ({ headers }: SeenRequest): number =>
  Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
const reset = (response: ServerResponse): void => void response.socket?.resetAndDestroy();
const close = (response: ServerResponse): void => void response.socket?.end();
const stall = (): void => {};
const status =
  (code: number, headers: Record<string, string> = {}): Intercept =>
  (_, response) => {
    response.writeHead(code, headers);
    response.end(JSON.stringify({ errors: [{ code: 'BUSY', message: 'come again' }] }));
    return true;
  };

const ranges = (registry: FakeRegistry): (string | undefined)[] =>
  registry.seen.map(({ headers }) => headers.range);
const retries = (events: readonly RegistryEvent[]): number =>
  events.filter(({ type }) => type === 'retry').length;

describe('a blob arrives whole in spite of', () => {
  test('nothing: one request, events in order', async () => {
    const { registry, blob, read, events } = await setUp();
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined]);
    expect(events[0]).toEqual({ type: 'blob-start', digest: blob.digest, size: BYTES.length, offset: 0 });
    expect(events.at(-2)).toEqual({ type: 'blob-bytes', digest: blob.digest, bytes: BYTES.length });
    expect(events.at(-1)).toEqual({ type: 'blob-end', digest: blob.digest });
  });

  test('connections that are reset: each resumes at the byte where the last stopped', async () => {
    const { registry, read, events } = await setUp();
    registry.fail('/blobs/', only(300_000, reset), only(100_000, reset));
    expect(sha256(await read())).toBe(sha256(BYTES));
    const [first, second, third] = ranges(registry);
    expect(first).toBeUndefined();
    const starts = [second, third].map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]));
    // A reset may take what lies in buffers along; what has arrived is never asked for again.
    const arrived = events.flatMap((event) => (event.type === 'blob-bytes' ? [event.bytes] : []));
    expect(arrived).toEqual(expect.arrayContaining(starts));
    expect(starts[1]).toBeGreaterThanOrEqual(starts[0]!);
    expect(retries(events)).toBe(2);
  });

  test('bodies that end early', async () => {
    const { registry, read, events } = await setUp();
    registry.fail('/blobs/', only(1000, close), only(1000, close));
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=1000-', 'bytes=2000-']);
    expect(retries(events)).toBe(2);
  });

  test('chunked bodies that end early as if complete', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', (_, response) => {
      response.write(BYTES.subarray(0, 5000));
      response.end();
      return true;
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=5000-']);
  });

  test('stalls in headers and body', async () => {
    const { registry, read, events } = await setUp({
      retry: { ...FAST, blobTimeoutMs: 300, stallTimeoutMs: 300 },
    });
    registry.fail('/blobs/', () => true, only(1000, stall), only(0, stall));
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, undefined, 'bytes=1000-', 'bytes=1000-']);
    const reasons = events.flatMap((event) => (event.type === 'retry' ? [event.reason] : []));
    expect(reasons.map((reason) => reason.replace(/^.*: /, ''))).toEqual([
      'no answer within 0.3 seconds',
      'nothing came for 0.3 seconds',
      'nothing came for 0.3 seconds',
    ]);
  });

  test('a byte now and then', async () => {
    const { registry, read } = await setUp({ retry: { ...FAST, stallTimeoutMs: 300 } });
    let timer: NodeJS.Timeout | undefined;
    registry.fail('/blobs/', (_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      let sent = 0;
      timer = setInterval(() => response.write(BYTES.subarray(sent, ++sent)), 10);
      return true;
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
    clearInterval(timer);
    expect(registry.seen).toHaveLength(2);
  });

  test('500, 502, 503 and 429 with Retry-After', async () => {
    const { registry, read, events } = await setUp({ retry: { ...FAST, attempts: 6 } });
    registry.fail('/blobs/', status(500), status(502), status(503), status(429, { 'retry-after': '1' }));
    expect(sha256(await read())).toBe(sha256(BYTES));
    const delays = events.flatMap((event) => (event.type === 'retry' ? [event.delayMs] : []));
    expect(delays).toHaveLength(4);
    expect(delays.slice(0, 3).every((delay) => delay <= 2)).toBe(true);
    expect(delays[3]).toBe(1000);
  });

  test('servers that ignore Range: what is there already is skipped', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', only(300_000, close));
    registry.intercepts.push((_, response) => {
      sendBytes(response, BYTES);
      return true;
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=300000-']);
  });

  test('416 and wrong ranges: the next request asks for the whole', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', only(1000, close), status(416));
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=1000-', undefined]);

    const other = await setUp();
    other.registry.fail(
      '/blobs/',
      only(1000, close),
      only(9, close, { 'content-range': `bytes 0-699999/700000` }),
    );
    expect(sha256(await other.read())).toBe(sha256(BYTES));
    expect(ranges(other.registry)).toEqual([undefined, 'bytes=1000-', undefined]);
  });

  test('a range in pieces', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', only(1000, close), (_, response) => {
      response.writeHead(206, { 'content-length': 500, 'content-range': 'bytes 1000-1499/700000' });
      response.end(BYTES.subarray(1000, 1500));
      return true;
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=1000-', 'bytes=1500-']);
  });

  test('a wrong Content-Length once', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', (_, response) => {
      response.end(BYTES.subarray(0, 10));
      return true;
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
  });

  test('more failures than attempts, as long as there is progress', async () => {
    const { registry, read, events } = await setUp({ retry: { ...FAST, attempts: 2 } });
    registry.fail('/blobs/', only(270_000, close), only(270_000, close));
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(retries(events)).toBe(2);
  });
});

describe('a server that refuses Range', () => {
  test.each([400, 403, 404, 405, 500, 501])('with %d is asked without', async (code) => {
    const { registry, read, events } = await setUp();
    let isBroken = true;
    registry.intercepts.push((request, response) => {
      if (request.headers.range !== undefined) return status(code)(request, response);
      if (!isBroken) return false;
      isBroken = false;
      return only(1000, close)(request, response);
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=1000-', undefined]);
    expect(retries(events)).toBe(1);
  });

  test('and the whole too: its last word counts', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', only(1000, close), status(403), status(404));
    await expect(read()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NOT_FOUND' });
    expect(ranges(registry)).toEqual([undefined, 'bytes=1000-', undefined]);
  });
});

describe('a server that is silent', () => {
  test('before a blob is waited for, longer than before a document, with notices', async () => {
    const { registry, read, events } = await setUp({
      retry: { ...FAST, headersTimeoutMs: 100, noticeMs: 60, blobTimeoutMs: 5000 },
    });
    registry.fail('/blobs/', (request, response) => {
      setTimeout(() => registry.serve(request, response), 400);
      return true;
    });
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(retries(events)).toBe(0);
    const notices = events.filter(({ type }) => type === 'waiting');
    expect(notices.length).toBeGreaterThan(2);
    expect(notices[0]).toEqual({
      type: 'waiting',
      where: expect.stringContaining('/blobs/sha256:'),
      waitedMs: expect.any(Number),
      limitMs: 5000,
    });
  });

  test('within a blob is waited for twice as long after each failure', async () => {
    const { read, registry, events } = await setUp({ retry: { ...FAST, stallTimeoutMs: 100 } });
    const pause =
      (ms: number): Intercept =>
      (request, response) =>
        only(1, () => setTimeout(() => response.end(BYTES.subarray(rangeStart(request) + 1)), ms))(
          request,
          response,
        );
    registry.fail('/blobs/', pause(700), pause(700), pause(700), pause(600));
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(events.flatMap((event) => (event.type === 'retry' ? [event.reason.slice(-11)] : []))).toEqual([
      '0.1 seconds',
      '0.2 seconds',
      '0.4 seconds',
    ]);
  });

  test('for ever: the error says what it may be, and the flag', async () => {
    const { registry, read } = await setUp({ retry: { ...FAST, attempts: 1, blobTimeoutMs: 200 } });
    registry.fail('/blobs/', () => true);
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringMatching(/: no answer within 0\.2 seconds$/),
      hint: expect.stringContaining('--timeout'),
    });
  });
});

describe('codings that nobody asked for', () => {
  const coded =
    (coding: string, bytes: Buffer, length?: number): Intercept =>
    (_, response) => {
      response.writeHead(200, {
        'content-encoding': coding,
        ...(length === undefined ? {} : { 'content-length': length }),
      });
      response.end(bytes);
      return true;
    };

  test.each<[string, Buffer]>([
    ['gzip', gzipSync(BYTES)],
    ['deflate', deflateSync(BYTES)],
    ['br', brotliCompressSync(BYTES, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])('%s is undone', async (coding, bytes) => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', coded(coding, bytes), coded(coding, bytes, bytes.length));
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(registry.seen).toHaveLength(1);
    expect(registry.seen[0]!.headers['accept-encoding']).toBe('identity');
  });

  test('a header that only names what the blob is, by its length, changes nothing', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', coded('gzip', BYTES, BYTES.length));
    expect(sha256(await read())).toBe(sha256(BYTES));
  });

  test('a part that is coded is not taken: the whole is asked for', async () => {
    const { registry, read } = await setUp();
    registry.fail(
      '/blobs/',
      only(1000, close),
      only(1000, close, { 'content-encoding': 'gzip' }),
      coded('gzip', gzipSync(BYTES)),
    );
    expect(sha256(await read())).toBe(sha256(BYTES));
    expect(ranges(registry)).toEqual([undefined, 'bytes=1000-', undefined]);
  });

  test('one that is unknown is named', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', coded('compress', BYTES));
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: expect.stringContaining('has Content-Encoding compress, which was not asked for'),
    });
  });

  test('one that the bytes are not is tried again', async () => {
    const { registry, read } = await setUp();
    registry.fail('/blobs/', coded('gzip', Buffer.from('no gzip')), coded('gzip', gzipSync(BYTES)));
    expect(sha256(await read())).toBe(sha256(BYTES));
  });
});

describe('a web page in place of a blob', () => {
  const PAGE = Buffer.from('<!DOCTYPE html><html><head><title>Hotel Wi-Fi</title></head></html>');

  test.each([true, false])(
    'is called so, also from where it came (length announced: %j)',
    async (isAnnounced) => {
      const { registry, read } = await setUp();
      registry.fail('/blobs/', (_, response) => {
        response.writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          ...(isAnnounced ? { 'content-length': PAGE.length } : {}),
        });
        response.end(PAGE);
        return true;
      });
      await expect(read()).rejects.toMatchObject({
        code: 'ERR_OCIRENDER_REGISTRY',
        message: expect.stringMatching(
          /^http:\/\/localhost:\d+\/v2\/some\/image\/blobs\/sha256:\w+: blob .*: a web page came instead, titled "Hotel Wi-Fi"$/,
        ),
      });
    },
  );

  test('in place of a manifest too', async () => {
    const { registry } = await setUp();
    registry.fail('/manifests/', (_, response) => {
      response.end(PAGE);
      return true;
    });
    const client = new RegistryClient(registry.host, { insecure: true, environment: {}, retry: FAST });
    await expect(client.getManifest({ repository: 'a/b', tag: '1' })).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: expect.stringMatching(/\/manifests\/1: manifest a\/b:1: a web page came instead/),
    });
    await client.close();
  });
});

describe('a blob ends in one typed error', () => {
  const always = (registry: FakeRegistry, way: Intercept): void => void registry.intercepts.push(way);

  test('when connections are reset again and again', async () => {
    const { registry, read } = await setUp();
    always(registry, only(0, reset));
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining(registry.host),
      hint: 'Gave up after 4 attempts.',
    });
    expect(registry.seen).toHaveLength(4);
  });

  test('when it stalls again and again', async () => {
    const { registry, read } = await setUp({ retry: { ...FAST, stallTimeoutMs: 50 } });
    always(registry, only(0, stall));
    await expect(read()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_NETWORK' });
    expect(registry.seen).toHaveLength(4);
  });

  test('when the server stays busy', async () => {
    const { registry, read, blob } = await setUp();
    always(registry, status(503));
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      message: `${registry.host}: blob ${blob.digest} of some/image: 503 BUSY: come again`,
    });
  });

  test('when it should come again much later', async () => {
    const { registry, read } = await setUp();
    always(registry, status(429, { 'retry-after': '3600' }));
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_REGISTRY',
      hint: expect.stringContaining('come again in 3600 seconds'),
    });
    expect(registry.seen).toHaveLength(1);
  });

  test('when Content-Length stays wrong', async () => {
    const { registry, read } = await setUp();
    always(registry, (_, response) => {
      response.end(BYTES.subarray(0, 10));
      return true;
    });
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_SIZE_MISMATCH',
      message: expect.stringContaining('expected 700000 bytes, the server announces 10'),
    });
    expect(registry.seen).toHaveLength(4);
  });

  test('when the bytes are wrong', async () => {
    const { registry, read, blob } = await setUp();
    const wrong = Buffer.from(BYTES);
    wrong[699_999]! ^= 1;
    registry.blobs.set(blob.digest, wrong);
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_DIGEST_MISMATCH',
      expected: blob.digest,
    });
    expect(registry.seen).toHaveLength(1);
  });

  test('when the part after a resumption is wrong', async () => {
    const { registry, read, blob } = await setUp();
    registry.fail('/blobs/', only(1000, close));
    registry.blobs.set(blob.digest, Buffer.alloc(BYTES.length));
    await expect(read()).rejects.toMatchObject({ code: 'ERR_OCIRENDER_DIGEST_MISMATCH' });
  });

  test('when it does not exist, at once', async () => {
    const { registry, read } = await setUp();
    always(registry, (_, response) => {
      sendError(response, 404, 'BLOB_UNKNOWN', 'blob unknown');
      return true;
    });
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NOT_FOUND',
      message: expect.stringContaining('404 BLOB_UNKNOWN: blob unknown'),
    });
    expect(registry.seen).toHaveLength(1);
  });

  test('when nobody listens', async () => {
    const { registry, read } = await setUp();
    await registry.stop();
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      message: expect.stringContaining('the connection was refused'),
    });
  });

  test('when it is aborted, during a transfer or a wait', async () => {
    for (const way of [only(1000, stall), status(503)]) {
      const controller = new AbortController();
      const { registry, read } = await setUp({
        signal: controller.signal,
        retry: { ...FAST, backoffMs: 60_000, maxBackoffMs: 60_000 },
      });
      always(registry, way);
      const result = read();
      setTimeout(() => controller.abort(), 50);
      await expect(result).rejects.toMatchObject({ code: 'ERR_OCIRENDER_ABORTED' });
    }
  });
});

test('time that the consumer takes is no stall', async () => {
  const registry = await FakeRegistry.start();
  const blob = registry.blob(BYTES);
  const events: RegistryEvent[] = [];
  const client = new RegistryClient(registry.host, {
    insecure: true,
    environment: {},
    retry: { ...FAST, stallTimeoutMs: 400 },
    onEvent: (event) => events.push(event),
  });
  let chunks = 0;
  for await (const _ of client.readBlob('a/b', blob)) {
    if (chunks++ < 2) await new Promise((resolve) => setTimeout(resolve, 600));
  }
  await client.close();
  expect(retries(events)).toBe(0);
});

test('a consumer that stops early leaves no connection behind', async () => {
  const registry = await FakeRegistry.start();
  let ended: Promise<void> | undefined;
  const blob = registry.blob(BYTES);
  registry.fail('/blobs/', (request, response) => {
    ended = new Promise((resolve) => response.on('close', resolve));
    return only(1000, stall)(request, response);
  });
  const client = new RegistryClient(registry.host, { insecure: true, environment: {}, retry: FAST });
  for await (const chunk of client.readBlob('a/b', blob)) {
    expect(chunk.length).toBe(1000);
    break;
  }
  await ended;
  await client.close();
});
