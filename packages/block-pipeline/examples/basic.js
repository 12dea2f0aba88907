// Has numbers doubled by two threads; they are stored in order all the same.
import { SlotOrder } from '@ocirender/block-pipeline';
import { begin } from './doubling.js';

const SIZE = 4;

class NumberSlot {
  memory = [new SharedArrayBuffer(SIZE)];
  bytes = new Uint8Array(this.memory[0]);
  done = false;
  count = 0;
  constructor(index) {
    this.index = index;
  }
  get isEmpty() {
    return this.count === 0;
  }
  get hasWork() {
    return this.count > 0;
  }
  clear() {
    this.count = 0;
  }
}

const stored = [];
const slots = new SlotOrder({
  threads: 2,
  program: './doubling-worker.js',
  from: import.meta.url,
  name: 'doubling',
  data: { factor: 2 },
  work: () => Promise.resolve(begin),
  makeSlot: (index) => new NumberSlot(index),
  errorCode: 'ERR_OCIRENDER_SINK_EXAMPLE_COMPRESSOR',
  store: async ({ bytes, count }) => void stored.push(...bytes.subarray(0, count)),
});
try {
  for (let number = 0; number < 100; number++) {
    // A slot that is full goes on its way; where none is free, one is waited for.
    if (slots.open === undefined || slots.open.count === SIZE) await slots.next();
    slots.open.bytes[slots.open.count++] = number;
  }
  await slots.settle();
} finally {
  await slots.end();
}
const inOrder = stored.length === 100 && stored.every((value, index) => value === 2 * index);
console.log(`${stored.length} numbers, doubled and in order: ${inOrder}`);
if (!inOrder) process.exitCode = 1;
