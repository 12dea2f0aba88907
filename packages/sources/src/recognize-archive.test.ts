import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archive, member } from '../../core/test/support/hostile-layers.ts';
import { recognizeArchive } from './recognize-archive.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocirender-recognize-'));
});

afterAll(() => rm(directory, { recursive: true }));

async function recognized(bytes: Uint8Array): Promise<string | undefined> {
  const path = join(directory, 'archive');
  await writeFile(path, bytes);
  return recognizeArchive(path);
}

const index = member({ path: './index.json', data: '{"schemaVersion": 2, "manifests": []}' });
const saved = member({ path: 'manifest.json', data: '[{"Config": "c", "Layers": null}]' });
const blob = member({ path: 'blobs/sha256/0', data: 'x'.repeat(100_000) });

test('what each form is called', async () => {
  expect(await recognized(archive(blob, index))).toBe('layout');
  expect(await recognized(gzipSync(archive(blob, saved)))).toBe('docker-save');
  const skopeo = [member({ path: 'version', data: 'Directory Transport Version: 1.1\n' })];
  skopeo.push(member({ path: 'manifest.json', data: '{"schemaVersion": 2, "layers": []}' }));
  expect(await recognized(archive(...skopeo))).toBe('docker-dir');
  expect(await recognized(archive(blob))).toBeUndefined();
});

test('what is cut off or damaged is judged by what is there; nothing is thrown', async () => {
  const whole = archive(index, blob);
  expect(await recognized(whole.subarray(0, 60_000))).toBe('layout');
  expect(await recognized(archive(blob, index).subarray(0, 60_000))).toBeUndefined();
  expect(await recognized(gzipSync(archive(blob, index)).subarray(0, 100))).toBeUndefined();
  expect(await recognized(Buffer.alloc(5000, 'no tar'))).toBeUndefined();
  expect(await recognizeArchive(join(directory, 'absent'))).toBeUndefined();
});

test('a later member of the same name counts, as after unpacking', async () => {
  const page = member({ path: 'index.json', data: '{"pages": []}' });
  expect(await recognized(archive(page, index))).toBe('layout');
});
