/**
 * A batch of blocks in shared memory: the main thread fills it, a worker compresses its blocks, the main thread stores them
 * and clears it for the next round. Formats have slots of their own.
 */
export interface PipelineSlot {
  /** Its place among the slots of the pool. */
  readonly index: number;
  /** The memory that workers get, once, when they begin. */
  readonly memory: readonly SharedArrayBuffer[];
  /** Nothing is in it. */
  readonly isEmpty: boolean;
  /** There are blocks for a worker in it; without, it goes straight to the store. */
  readonly hasWork: boolean;
  /** The worker is through with it. Set by the pool. */
  done: boolean;
  /** Makes it ready to be filled again. */
  clear(): void;
}
