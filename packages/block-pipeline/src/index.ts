/**
 * What sinks that compress share: slots of shared memory that workers compress and that are stored in order, whatever the
 * number of threads; an index that finds equal pieces; lz4 in its slow and thorough form.
 *
 * A sink has a class of slots, a worker's program (a module that calls {@link serveSlots}) and a {@link SlotOrder}.
 *
 * @packageDocumentation
 */

export { FingerprintIndex } from './fingerprint-index.ts';
export type { Lz4Fit } from './lz4hc.ts';
export { createLz4hc } from './lz4hc.ts';
export type { PipelineSlot } from './pipeline-slot.ts';
export type { SlotWork } from './serve-slots.ts';
export { serveSlots } from './serve-slots.ts';
export type { SlotOrderSetup } from './slot-order.ts';
export { SlotOrder } from './slot-order.ts';
export type { WorkerPoolSetup } from './worker-pool.ts';
