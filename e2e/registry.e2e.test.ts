import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changeTop } from '../bench/change-top.js';
import type { ConvertReport } from '../packages/core/src/index.ts';
import { type PullReport, pullImage } from '../packages/registry/src/index.ts';
import { CLI, convertWithCli, ocirender, startOcirender } from './support/cli.ts';
import { type Fault, type FaultProxy, startFaultProxy } from './support/fault-proxy.ts';
import { fileDigest } from './support/file-digest.ts';
import { ensureImages, IMAGE_DIRECTORY } from './support/images.ts';
import { digestOf } from './support/layout.ts';
import { type LocalRegistry, startLocalRegistry } from './support/local-registry.ts';
import { type Finished, finished, must } from './support/run.ts';
import { makeDirectory, removeDirectory } from './support/work-directory.ts';

const EXAMPLE = fileURLToPath(new URL('../examples/demo/image', import.meta.url));
const DEBIAN = join(IMAGE_DIRECTORY, 'debian');
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

let directory: string;
let registry: LocalRegistry;
/** A small image of three layers, for amd64 and for arm64. */
let demo: string;
let arm: string;
/** Digest of the index `multi`. */
let index: string;
/** Hash of the tar of `debian`, which has the same contents whatever its layers are compressed with. */
let debianTar: string;

beforeAll(async () => {
  await ensureImages(['debian']);
  directory = await makeDirectory();
  registry = await startLocalRegistry(directory);
  arm = join(directory, 'arm');
  demo = join(directory, 'demo');
  await must('skopeo', ['copy', '--quiet', `oci:${EXAMPLE}:demo`, `oci:${demo}:latest`]);
  await cp(demo, arm, { recursive: true });
  await must('umoci', ['config', '--image', `${arm}:latest`, '--architecture', 'arm64']);
  await registry.push(DEBIAN, 'debian');
  await registry.push(`${DEBIAN}-zstd`, 'debian-zstd');
  await registry.push(demo, 'demo');
  await registry.push(arm, 'demo-arm');
  await registry.push(demo, 'multi');
  index = await pushIndex();
  debianTar = await converted(DEBIAN);
});

afterAll(async () => {
  await registry.stop();
  await removeDirectory(directory);
});

/** Makes an index of the two variants of the demo; its manifests must be in the same repository. */
async function pushIndex(): Promise<string> {
  const copy = [
    'copy',
    '--quiet',
    '--dest-tls-verify=false',
    `oci:${arm}:latest`,
    `docker://${registry.host}/multi:arm`,
  ];
  await must('skopeo', copy);
  const manifests: object[] = [];
  for (const [tag, architecture] of [
    ['latest', 'amd64'],
    ['arm', 'arm64'],
  ] as const) {
    const response = await fetch(`http://${registry.host}/v2/multi/manifests/${tag}`, {
      headers: { accept: MANIFEST },
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    manifests.push({
      mediaType: MANIFEST,
      digest: digestOf(bytes),
      size: bytes.length,
      platform: { os: 'linux', architecture },
    });
  }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  const url = `http://${registry.host}/v2/multi/manifests/all`;
  const { status } = await fetch(url, { method: 'PUT', headers: { 'content-type': INDEX }, body });
  expect(status).toBe(201);
  return digestOf(Buffer.from(body));
}

/** Converts to a tar and gives its hash. */
async function converted(reference: string, args: readonly string[] = [], sink = 'tar'): Promise<string> {
  const output = join(directory, `output.${sink}`);
  await convertWithCli(reference, sink, output, ['--replace-directory', ...args]);
  return fileDigest(output);
}

/** The digest of a tag, as skopeo sees it. */
async function digestAt(name: string): Promise<string> {
  const args = ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`];
  return (await must('skopeo', args)).trim();
}

/** Runs the command with a password on its standard input. */
async function withPassword(
  args: readonly string[],
  password: string,
  env: NodeJS.ProcessEnv,
): Promise<Finished> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env });
  child.stdin.end(`${password}\n`);
  return finished(child);
}

async function pull(args: readonly string[], env?: Record<string, string>): Promise<PullReport> {
  const options = env === undefined ? {} : { env: { ...(process.env as Record<string, string>), ...env } };
  const { code, stdout, stderr } = await ocirender(
    ['pull', ...args, '--json', '--progress', 'none'],
    options,
  );
  if (code !== 0) throw new Error(`pull ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
  return JSON.parse(stdout) as PullReport;
}

describe('a registry on this machine', () => {
  test('by tag, by digest and by both, gzip and zstd: the same outputs as from the layout', async () => {
    expect(await converted(`docker://${registry.host}/debian:latest`, ['--insecure'])).toBe(debianTar);
    const digest = await digestAt(`${registry.host}/debian-zstd`);
    expect(await converted(`docker://${registry.host}/debian-zstd@${digest}`, ['--insecure'])).toBe(
      debianTar,
    );
    for (const sink of ['tar', 'squashfs']) {
      const both = `${registry.host}/demo:latest@${await digestAt(`${registry.host}/demo`)}`;
      expect(await converted(`docker://${both}`, ['--insecure'], sink)).toBe(await converted(demo, [], sink));
    }
  });

  test('an index: the platform that is asked for', async () => {
    for (const [platform, layout] of [
      ['linux/amd64', demo],
      ['linux/arm64', arm],
    ] as const) {
      const output = join(directory, 'config.json');
      const args = ['--insecure', '--platform', platform, '--config-out', output];
      const hash = await converted(`docker://${registry.host}/multi:all`, args);
      expect(hash).toBe(await converted(layout, ['--platform', platform]));
      expect(JSON.parse(await readFile(output, 'utf8'))).toMatchObject({ architecture: platform.slice(6) });
      expect(
        await converted(`docker://${registry.host}/multi@${index}`, ['--insecure', '--platform', platform]),
      ).toBe(hash);
    }
    const none = await ocirender([
      'convert',
      `docker://${registry.host}/multi:all`,
      '-o',
      join(directory, 'none.tar'),
      '--insecure',
      '--platform',
      'linux/s390x',
    ]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('linux/amd64, linux/arm64');
  });

  test('pull: a layout that skopeo reads, and a second run that fetches nothing', async () => {
    const layout = join(directory, 'pulled');
    const first = await pull([`${registry.host}/debian`, layout, '--insecure']);
    expect(first.fetchedBytes).toBe(first.totalBytes);
    const second = await pull([`${registry.host}/debian`, layout, '--insecure']);
    expect([second.digest, second.fetchedBytes]).toEqual([first.digest, 0]);
    // All platforms beside it.
    const all = await pull([
      `${registry.host}/multi:all`,
      layout,
      '--insecure',
      '--all-platforms',
      '--concurrency',
      '8',
    ]);
    expect([all.digest, all.manifests]).toEqual([index, 3]);
    await must('skopeo', [
      'copy',
      '--quiet',
      '--all',
      `oci:${layout}:all`,
      `dir:${join(directory, 'copied')}`,
    ]);
    await must('skopeo', [
      'copy',
      '--quiet',
      `oci:${layout}:latest`,
      `dir:${join(directory, 'copied-debian')}`,
    ]);
    expect(await converted(`${layout}:all`, ['--platform', 'linux/arm64'])).toBe(await converted(arm));
  });

  test('with a cache, layers are fetched once, however they are compressed', async () => {
    const proxy = await startFaultProxy(registry.host);
    try {
      const cache = `--cache=${join(directory, 'cache')}`;
      const blobs = async (...args: string[]): Promise<{ fetched: number; stdout: string }> => {
        const before = proxy.seen.length;
        const { code, stdout, stderr } = await ocirender([...args, '--insecure']);
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        const fetched = proxy.seen.slice(before).filter(({ path }) => path.includes('/blobs/')).length;
        return { fetched, stdout };
      };
      const gzip = `docker://${proxy.host}/debian`;
      const zstd = `docker://${proxy.host}/debian-zstd`;
      const clean = await blobs('ls', gzip, '-R');
      const layers = clean.fetched - 1;
      expect(layers).toBeGreaterThan(0);
      expect(await blobs('ls', gzip, '-R', cache)).toEqual(clean);
      // The config only.
      expect(await blobs('ls', gzip, '-R', cache)).toEqual({ ...clean, fetched: 1 });
      expect(await blobs('ls', zstd, '-R', cache)).toEqual({ ...clean, fetched: 1 });
      // And the one layer that has the file.
      const release = await blobs('cat', zstd, '/etc/os-release', cache);
      expect(release).toEqual({ fetched: 2, stdout: expect.stringContaining('Debian') });

      const output = join(directory, 'cached.squashfs');
      await must(process.execPath, [CLI, 'convert', DEBIAN, output]);
      expect((await blobs('verify', output, gzip, cache)).fetched).toBe(1 + layers);
      expect((await blobs('verify', output, zstd, cache)).fetched).toBe(1);
    } finally {
      await proxy.close();
    }
  });

  test('with a cache, of the next build of an image only the layer that changed is fetched', async () => {
    const proxy = await startFaultProxy(registry.host);
    try {
      const cache = `--cache=${join(directory, 'work')}`;
      const next = join(directory, 'next');
      await changeTop(demo, next, 1);
      await registry.push(next, 'next');
      type Report = Pick<ConvertReport, 'cache' | 'layers'>;
      const convert = async (name: string, ...args: string[]): Promise<[string[], Report, string]> => {
        const before = proxy.seen.length;
        const output = join(directory, 'cached.squashfs');
        const { code, stdout, stderr } = await ocirender([
          'convert',
          `docker://${proxy.host}/${name}`,
          output,
          '--insecure',
          '--force',
          '--json',
          ...args,
        ]);
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        const seen = proxy.seen
          .slice(before)
          .map(({ path }) => (path.includes('/blobs/') ? 'blob' : 'manifest'));
        return [seen, JSON.parse(stdout) as Report, await fileDigest(output)];
      };
      const [, , clean] = await convert('demo');
      const [cold, report, first] = await convert('demo', cache);
      const layers = report.layers.length;
      expect(cold.filter((what) => what === 'blob')).toHaveLength(1 + layers);
      const [same, again, second] = await convert('demo', cache);
      expect(same).toEqual(['manifest', 'blob']);
      expect(again.cache).toMatchObject({ layers, bytesNotDownloaded: again.cache!.bytesNotRead });
      expect([first, second]).toEqual([clean, clean]);

      const [, , cleanNext] = await convert('next');
      const [changed, { cache: saved }, withCache] = await convert('next', cache);
      // Manifest, config, one layer.
      expect(changed.sort()).toEqual(['blob', 'blob', 'manifest']);
      expect(saved).toMatchObject({ layers: layers - 1 });
      expect(withCache).toBe(cleanNext);
    } finally {
      await proxy.close();
    }
  });

  test('plain http is not spoken without permission, not even here', async () => {
    const { code, stderr } = await ocirender(['pull', `${registry.host}/demo`, join(directory, 'none')]);
    expect(code).toBe(1);
    expect(stderr).toContain('does not speak TLS');
    expect(stderr).toContain('--insecure');
  });
});

describe('TLS with an authority of its own, and Basic authentication', () => {
  let secure: LocalRegistry;
  let ca: string;
  const env = (): Record<string, string> => ({
    ...(process.env as Record<string, string>),
    DOCKER_CONFIG: join(directory, 'docker'),
  });

  beforeAll(async () => {
    const place = join(directory, 'secure');
    await mkdir(place);
    ca = join(place, 'ca.pem');
    const file = (name: string): string => join(place, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    await must('openssl', [
      'req',
      '-x509',
      ...key,
      '-keyout',
      file('ca.key'),
      '-out',
      ca,
      '-subj',
      '/CN=test CA',
    ]);
    const names = [
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-addext',
      'basicConstraints=CA:FALSE',
    ];
    const signed = ['-CA', ca, '-CAkey', file('ca.key'), '-subj', '/CN=localhost'];
    await must('openssl', [
      'req',
      '-x509',
      ...key,
      ...signed,
      ...names,
      '-keyout',
      file('server.key'),
      '-out',
      file('server.pem'),
    ]);
    secure = await startLocalRegistry(place, {
      tls: { certificate: file('server.pem'), key: file('server.key') },
      // "pass word"
      htpasswd: 'someone:$2b$05$abcdefghijklmnopqrstuuIt/9/tGzLcigNq/.RWIDjeEVR30RSf.',
    });
    const target = `docker://${secure.host}/private/debian:latest`;
    const login = ['--dest-cert-dir', file('trust'), '--dest-creds', 'someone:pass word'];
    await mkdir(file('trust'));
    await cp(ca, file('trust/ca.crt'));
    await must('skopeo', ['copy', '--quiet', ...login, `oci:${DEBIAN}-zstd:latest`, target]);
  });
  afterAll(() => secure.stop());

  test('login refuses a wrong password, stores a right one; pull and convert use it; logout removes it', async () => {
    const name = `${secure.host}/private/debian`;
    const file = join(directory, 'docker/config.json');
    const login = ['login', secure.host, '-u', 'someone', '--password-stdin', '--ca-cert', ca];
    const wrong = await withPassword(login, 'wrong', env());
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('401');
    expect(existsSync(file)).toBe(false);

    const untrusted = await ocirender(['pull', name, join(directory, 'none')], { env: env() });
    expect(untrusted.stderr).toContain('certificate is not trusted');
    const anonymous = await ocirender(['pull', name, join(directory, 'none'), '--ca-cert', ca], {
      env: env(),
    });
    expect([anonymous.code, anonymous.stderr]).toEqual([1, expect.stringContaining('ocirender login')]);

    expect((await withPassword(login, 'pass word', env())).code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const layout = join(directory, 'private');
    await pull([name, layout, '--ca-cert', ca], { DOCKER_CONFIG: join(directory, 'docker') });
    await must('skopeo', [
      'copy',
      '--quiet',
      `oci:${layout}:latest`,
      `dir:${join(directory, 'copied-private')}`,
    ]);
    const output = join(directory, 'private.tar');
    const convert = ['convert', `docker://${name}`, '-o', output, '--ca-cert', ca, '--progress', 'none'];
    expect((await ocirender(convert, { env: env() })).code).toBe(0);
    expect(await fileDigest(output)).toBe(debianTar);

    expect((await ocirender(['logout', secure.host], { env: env() })).code).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ auths: {} });
    const explicit = ['pull', name, layout, '--ca-cert', ca, '-u', 'someone', '--password-stdin'];
    expect((await withPassword(explicit, 'pass word', env())).code).toBe(0);
  });
});

describe('a proxy that misbehaves', () => {
  let proxy: FaultProxy;
  let reference: string;

  beforeAll(async () => {
    reference = await converted(demo);
  });
  beforeEach(async () => {
    proxy = await startFaultProxy(registry.host);
    return () => proxy.close();
  });

  test.each<[string, Fault[]]>([
    ['resets each blob', [{ kind: 'reset', after: 40 }]],
    ['truncates each blob', [{ kind: 'truncate', after: 40 }]],
    [
      'answers 429 and 503',
      [
        { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
        { kind: 'status', status: 503 },
      ],
    ],
    ['gives a wrong Content-Length', [{ kind: 'wrong-length' }]],
  ])('%s: the same tar', async (_, faults) => {
    proxy.faults.set('*', faults);
    expect(await converted(`docker://${proxy.host}/demo`, ['--insecure'])).toBe(reference);
    const blobs = new Set(proxy.seen.map(({ path }) => path).filter((path) => path.includes('/blobs/')));
    for (const blob of blobs)
      expect(proxy.seen.filter(({ path }) => path === blob)).toHaveLength(1 + faults.length);
    expect(blobs.size).toBeGreaterThan(3);
  });

  test('resets a large blob again and again, and ignores Range at times: the same tar', async () => {
    const resets: Fault[] = [5e6, 1e7, 2e7].map((after) => ({ kind: 'reset', after }));
    proxy.faults.set('*', [...resets]);
    expect(await converted(`docker://${proxy.host}/debian`, ['--insecure'])).toBe(debianTar);
    const ranges = proxy.seen.filter(({ range }) => range !== undefined);
    expect(ranges.length).toBe(3);
    proxy.faults = new Map([['*', [...resets]]]);
    proxy.ignoreRange = true;
    const layout = join(directory, 'without-ranges');
    const { digest } = await pull([`${proxy.host}/debian`, layout, '--insecure']);
    expect(digest).toBe(await digestAt(`${registry.host}/debian`));
  });

  test('stalls: a pull goes on where it stopped', async () => {
    proxy.faults.set('*', [
      { kind: 'stall', after: 0 },
      { kind: 'stall', after: 100 },
    ]);
    const layout = join(directory, 'stalled');
    await pullImage(`${proxy.host}/demo`, layout, {
      insecure: true,
      retry: { stallTimeoutMs: 300, blobTimeoutMs: 300, headersTimeoutMs: 300, backoffMs: 10 },
    });
    expect(await converted(layout)).toBe(reference);
  });

  test('redirects to another host: the password does not follow', async () => {
    const store = await startFaultProxy(registry.host);
    proxy.faults.set('*', [{ kind: 'redirect', to: store.host.replace('127.0.0.1', 'localhost') }]);
    const output = join(directory, 'redirected.tar');
    const args = [
      'convert',
      `docker://${proxy.host}/demo`,
      '-o',
      output,
      '--insecure',
      '-u',
      'someone',
      '--password-stdin',
    ];
    const { code } = await withPassword(args, 'pass word', process.env);
    expect(code).toBe(0);
    expect(await fileDigest(output)).toBe(reference);
    expect(store.seen.length).toBeGreaterThan(3);
    expect(store.seen.some(({ authorization }) => authorization !== undefined)).toBe(false);
    await store.close();
  });

  test('gives wrong bytes: a digest error and no output', async () => {
    const output = join(directory, 'wrong.tar');
    proxy.faults.set('*', Array<Fault>(9).fill({ kind: 'wrong-bytes' }));
    const manifest = JSON.parse(await must('skopeo', ['inspect', '--raw', `oci:${demo}:latest`])) as {
      config: { digest: string };
    };
    proxy.faults.set(manifest.config.digest, []);
    for (const args of [
      ['convert', `docker://${proxy.host}/demo`, '-o', output],
      ['pull', `${proxy.host}/demo`, join(directory, 'wrong')],
    ]) {
      const { code, stdout } = await ocirender([...args, '--insecure', '--json', '--progress', 'none']);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_OCIRENDER_DIGEST_MISMATCH' } });
    }
    expect(existsSync(output)).toBe(false);
    expect(existsSync(join(directory, 'wrong/index.json'))).toBe(false);
  });

  test('stays broken: one typed error, in time', async () => {
    proxy.faults.set('*', Array<Fault>(20).fill({ kind: 'reset', after: 0 }));
    await expect(
      pullImage(`${proxy.host}/demo`, join(directory, 'broken'), { insecure: true, retry: { backoffMs: 1 } }),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_NETWORK',
      hint: expect.stringContaining('Gave up after 6 attempts.'),
    });
  });

  test('Ctrl-C during a pull keeps what has arrived; the next run fetches the rest', async () => {
    proxy.faults.set('*', [{ kind: 'stall', after: 20_000_000 }]);
    const layout = join(directory, 'interrupted');
    const child = startOcirender([
      'pull',
      `${proxy.host}/debian`,
      layout,
      '--insecure',
      '--progress',
      'none',
    ]);
    const ended = finished(child);
    const partial = join(layout, 'blobs/.partial');
    const written = async (): Promise<number> =>
      Number(await must('sh', ['-c', 'du -sb "$0" 2>/dev/null | cut -f1', partial]));
    for (let tries = 0; tries < 200 && (await written()) < 19_000_000; tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    const report = await pull([`${proxy.host}/debian`, layout, '--insecure']);
    const resumed = report.blobs.find(({ status }) => status === 'resumed');
    expect(resumed!.size - resumed!.fetchedBytes).toBeGreaterThan(19_000_000);
    await must('skopeo', [
      'copy',
      '--quiet',
      `oci:${layout}:latest`,
      `dir:${join(directory, 'copied-interrupted')}`,
    ]);
  });
});
