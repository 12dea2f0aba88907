interface Resizable extends ArrayBuffer {
  resize(bytes: number): void;
}

/** The lib of ES2023 does not know that buffers can be resizable; Node 20 does. */
const ResizableBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => Resizable;

/**
 * Gives memory that {@link freeMemory} returns to the operating system at once. An ordinary buffer waits for the
 * collector, which a growing tree outruns, and then for its neighbours on the heap of the C library.
 *
 * @param bytes - size
 * @returns zeros
 */
export function freeableMemory(bytes: number): ArrayBuffer {
  return new ResizableBuffer(bytes, { maxByteLength: bytes });
}

/**
 * Frees what {@link freeableMemory} gave.
 *
 * @param memory - no view of it must be used any more
 */
export function freeMemory(memory: ArrayBufferLike): void {
  (memory as Resizable).resize(0);
}
