/**
 * What sinks that compress share: slots of shared memory that workers compress and that are stored in order, whatever the
 * number of threads; an index that finds equal pieces.
 *
 * A sink has a class of slots, a worker's program (a module that calls `serveSlots` of `@ocirender/block-pipeline/worker`, which
 * loads nothing else) and a {@link SlotOrder}. `@ocirender/block-pipeline/lz4hc` is an lz4 compressor.
 *
 * @packageDocumentation
 */

export { codecVersion } from './codec-version.ts';
export { FingerprintIndex } from './fingerprint-index.ts';
export type { PipelineSlot } from './pipeline-slot.ts';
export type { BeginWork, SlotWork } from './serve-slots.ts';
export type { SlotOrderSetup } from './slot-order.ts';
export { SlotOrder } from './slot-order.ts';
export type { WorkerPoolSetup } from './worker-pool.ts';
