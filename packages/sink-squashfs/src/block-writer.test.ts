import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutputFile } from '@ocirender/image-file';
import { expect, it } from 'vitest';
import { BlockWriter } from './block-writer.ts';
import { ContentTable } from './content-table.ts';
import { FragmentTable } from './fragment-table.ts';
import { bytesOf } from './testing/build.ts';

const setup = (module: string | undefined, write: () => Promise<void>) => ({
  file: { write } as unknown as OutputFile,
  contents: new ContentTable(),
  fragments: new FragmentTable(),
  codec: {
    kind: module === undefined ? 'none' : 'zstd-module',
    level: 3,
    blockSize: 131_072,
    ...(module && { module }),
  } as const,
  threads: 2,
  blockSize: 131_072,
  start: 96,
  dedupe: false,
});

async function fill(writer: BlockWriter): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    await writer.room(131_072);
    writer.put(bytesOf(131_072, i));
    writer.endDataBlock();
  }
  await writer.finish();
}

it.each([
  ['throws', 'exports.compress = async () => { throw new Error("codec broke") }', 'codec broke'],
  ['cannot be loaded', 'throw new Error("no such library")', 'no such library'],
  ['ends the thread', 'exports.compress = () => process.exit(3)', 'the thread ended with code 3'],
])('a codec that %s makes writing fail, not hang', async (_, source, message) => {
  const folder = mkdtempSync(join(tmpdir(), 'ocirender-squashfs-'));
  const module = join(folder, 'codec.cjs');
  writeFileSync(module, source);
  const writer = new BlockWriter(setup(module, async () => {}));
  await expect(fill(writer)).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_SINK_SQUASHFS_COMPRESSOR',
    message: expect.stringContaining(message) as string,
  });
  await writer.abort(new Error('over'));
  rmSync(folder, { recursive: true });
});

it('an error of the file makes writing fail', async () => {
  const writer = new BlockWriter(setup(undefined, () => Promise.reject(new Error('disk full'))));
  await expect(fill(writer)).rejects.toThrow('disk full');
  await writer.abort(new Error('over'));
});
