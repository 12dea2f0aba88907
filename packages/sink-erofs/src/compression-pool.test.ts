import type { OcirenderError } from '@ocirender/interface';
import { expect, test } from 'vitest';
import { CompressionPool } from './compression-pool.ts';
import type { SegmentSlot } from './segment-slot.ts';

test('a thread that fails is a typed error, and the pool still ends', async () => {
  const codec = { kind: 'lz4', level: 1, clusterSize: 4096, module: 'no-such-library' } as const;
  let pool: CompressionPool | undefined;
  const failure = await new Promise<OcirenderError>((resolve) => {
    pool = new CompressionPool(1, codec, { done: () => {}, failed: resolve });
    const [slot] = pool.slots as [SegmentSlot];
    slot.put(new Uint8Array(10_000));
    slot.endSegment(0);
    pool.submit(slot);
  });
  expect(failure.code).toBe('ERR_OCIRENDER_SINK_EROFS_COMPRESSOR');
  expect(failure.message).toMatch(/^a compression thread failed: Cannot find module 'no-such-library'/);
  await pool?.end();
});
