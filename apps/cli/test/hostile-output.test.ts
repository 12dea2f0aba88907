import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { byteStringFromText, type Entry } from '@ocirender/interface';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { END_OF_ARCHIVE, encodeTarHeader } from '../../../packages/tar-header/src/index.ts';
import { makeSandbox, runCli, type Sandbox } from './run-cli.ts';

/** Forges lines, moves the cursor, turns the direction, and hides. */
const HOSTILE = 'x\nHint: run me\r\u001b[2J\u0000\u0085\u009b1m\u202e\u2066\u200b\u200e\u061c\ufeff\u2028y';
/** All of those but the line ends that every output has. */
const RAW = /[^\P{C}\n]|[\u2028\u2029]/u;
const FORGED = /^Hint: run me/m;

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Document = 'index' | 'layout' | 'manifest' | 'config' | 'saved';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await makeSandbox([]);
});
afterAll(() => sandbox.remove());
function digestOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A layer whose names, targets, attributes and PAX records are hostile, and that needs repairs. */
function layer(): Uint8Array {
  const name = byteStringFromText(HOSTILE.replace('\0', ''));
  const member = (part: Partial<Entry>): Uint8Array =>
    encodeTarHeader({
      type: 'file',
      path: name,
      size: 0,
      linkTarget: '',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNs: 0,
      devMajor: 0,
      devMinor: 0,
      xattrs: new Map(),
      ...part,
    } as Entry);
  return Buffer.concat([
    member({ xattrs: new Map([[`user.${name}`, Buffer.from(HOSTILE)]]) }),
    member({ path: `l${name}`, type: 'symlink', linkTarget: name }),
    member({ path: `d${name}`, xattrs: new Map([[`trusted.overlay.${name}`, Buffer.from('y')]]) }),
    member({ path: `h${name}`, type: 'hardlink', linkTarget: `missing${name}` }),
    member({ path: `e${name}`, type: 'symlink', linkTarget: '' }),
    member({ path: `p${name}/x/../../../y`, extraPax: new Map([[`k${name}`, Buffer.from(HOSTILE)]]) }),
    END_OF_ARCHIVE,
  ]);
}

/** All documents of an image, valid; free text is hostile where `text` is. */
async function makeImage(
  directory: string,
  text: string,
  change: (document: Document, json: Json) => Json = (_document, json) => json,
): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  const blob = async (bytes: string | Uint8Array): Promise<{ digest: string; size: number }> => {
    const digest = digestOf(bytes);
    await writeFile(join(directory, 'blobs/sha256', digest), bytes);
    return { digest: `sha256:${digest}`, size: Buffer.from(bytes).length };
  };
  const notes = { 'org.opencontainers.image.title': text, [`key ${text}`]: text };
  const tar = await blob(layer());
  const run = { User: text, WorkingDir: text, Entrypoint: [text], Cmd: [text], Env: [`A=${text}`] };
  const configJson = change('config', {
    architecture: 'amd64',
    os: 'linux',
    variant: text,
    created: text,
    author: text,
    config: {
      ...run,
      StopSignal: text,
      ExposedPorts: { [text]: {} },
      Volumes: { [text]: {} },
      Labels: notes,
    },
    rootfs: { type: 'layers', diff_ids: [tar.digest] },
    history: [{ created: text, created_by: text, comment: text, author: text }],
  });
  const descriptor = await blob(JSON.stringify(configJson));
  const manifest = await blob(
    JSON.stringify(
      change('manifest', {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...descriptor, annotations: notes },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...tar, annotations: notes }],
        annotations: notes,
      }),
    ),
  );
  const platform = { os: 'linux', architecture: 'amd64', variant: text };
  const index = change('index', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        ...manifest,
        platform,
        annotations: { 'org.opencontainers.image.ref.name': text, ...notes },
      },
    ],
    annotations: notes,
  });
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
  const version = change('layout', { imageLayoutVersion: '1.0.0', note: text });
  await writeFile(join(directory, 'oci-layout'), JSON.stringify(version));
}

/** The same as a `docker save`. */
async function makeSaved(directory: string, change: (document: Document, json: Json) => Json): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  const tar = layer();
  await writeFile(join(directory, 'layer.tar'), tar);
  const text = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } };
  text.rootfs.diff_ids = [`sha256:${digestOf(tar)}`] as never;
  await writeFile(join(directory, 'config.json'), JSON.stringify(text));
  const saved = change('saved', [
    { Config: 'config.json', RepoTags: [`app:${HOSTILE}`, 'app:1'], Layers: ['layer.tar'] },
  ]);
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(saved));
}

/** The JSON values that differ in one place, where the hostile text stands or is added. */
function* mutants(json: Json): Generator<Json> {
  yield HOSTILE;
  if (typeof json === 'string') yield `${json}${HOSTILE}`;
  if (Array.isArray(json)) {
    for (const [at, item] of json.entries()) for (const mutant of mutants(item)) yield json.with(at, mutant);
  } else if (typeof json === 'object' && json !== null) {
    for (const [key, item] of Object.entries(json)) {
      for (const mutant of mutants(item)) yield { ...json, [key]: mutant };
      const { [key]: _, ...others } = json;
      yield { ...others, [`${key}${HOSTILE}`]: item };
    }
  }
}

/** Runs command lines in one process; gives what each wrote. */
async function runMany(commands: readonly (readonly string[])[]): Promise<string[]> {
  const [requests, results] = [sandbox.path('requests.json'), sandbox.path('results.json')];
  await writeFile(requests, JSON.stringify(commands));
  const script = fileURLToPath(new URL('run-many.js', import.meta.url));
  await promisify(execFile)(process.execPath, [script, requests, results], { env: sandbox.environment });
  return JSON.parse(await readFile(results, 'utf8')) as string[];
}

function expectSafe(text: string, args: readonly string[]): void {
  expect(text, JSON.stringify(args)).not.toBe('');
  expect(text, JSON.stringify(args)).not.toMatch(RAW);
  expect(text, JSON.stringify(args)).not.toMatch(FORGED);
}

describe('hostile text in a field', () => {
  test.each<Document>(['index', 'layout', 'manifest', 'config', 'saved'])('of the %s', async (document) => {
    const directory = sandbox.path(`of-${document}`);
    const make =
      document === 'saved' ? makeSaved : (at: string, change: never) => makeImage(at, 'v1', change);
    let original: Json = null;
    await make(directory, ((which: Document, json: Json) => {
      if (which === document) original = json;
      return json;
    }) as never);
    const common = ['--lenient', '--progress', 'plain'];
    const output = ['-s', 'tar', '-o', sandbox.path('out.tar'), '--force', ...common];
    const commands: string[][] = [];
    for (const [at, mutant] of [...mutants(original)].entries()) {
      const mutated = `${directory}-${at}`;
      await make(mutated, ((which: Document, json: Json) => (which === document ? mutant : json)) as never);
      commands.push(['convert', mutated, ...output, '-v'], ['convert', mutated, ...output, '--json']);
      commands.push(['inspect', mutated, ...common]);
    }
    const outputs = await runMany(commands);
    for (const [at, text] of outputs.entries()) expectSafe(text, commands[at]!);
    expect(outputs.filter((text) => text.startsWith('Error: ')).length).toBeGreaterThan(5);
  });
});

test('an image that is hostile wherever it may be', async () => {
  await makeImage(sandbox.path('image'), HOSTILE);
  const common = ['--lenient', '--progress', 'plain'];
  const runs = [
    ['convert', 'image', '-o', 'out.squashfs', '-v', ...common],
    ['convert', 'image', '-o', 'report.tar', '--json', ...common],
    ['convert', 'image', '-o', 'strict.tar', '--progress', 'none'],
    ['inspect', 'image', ...common],
    ['ls', 'image', '-R', '--json', ...common],
    ['ls', 'out.squashfs', '-R'],
    ['inspect', 'out.squashfs'],
    ['verify', 'out.squashfs', 'image', ...common],
    ['verify', 'out.squashfs', 'image', '--exclude', 'l*', '--xattrs', 'none', ...common],
    ['verify', 'out.squashfs', 'image', '--json', '--xattrs', 'none', ...common],
    ['ls', `image/${HOSTILE.replace('\0', '')}`],
    ['convert', `image:${HOSTILE.replace('\0', '')}`, '-o', 'other.tar'],
  ];
  const codes: (number | null)[] = [];
  for (const args of runs) {
    const { code, stdout, stderr } = await runCli(sandbox, args);
    expectSafe(stdout + stderr, args);
    codes.push(code);
  }
  expect(codes).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 3, 3, 1, 1]);
});
