import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PipelineSlot } from './pipeline-slot.ts';
import type { BeginWork } from './serve-slots.ts';
import { SlotOrder, type SlotOrderSetup } from './slot-order.ts';
import { begin } from './testing/work.js';

/** A slot of three bytes: a number, what the worker shall do (milliseconds to wait, or worse), its answer. */
class TestSlot implements PipelineSlot {
  readonly index: number;
  readonly memory: readonly SharedArrayBuffer[] = [new SharedArrayBuffer(3)];
  readonly bytes: Uint8Array = new Uint8Array(this.memory[0]!);
  done = false;
  isEmpty = true;
  hasWork = false;

  constructor(index: number) {
    this.index = index;
  }

  fill(number: number, order: number | undefined): void {
    this.isEmpty = false;
    this.hasWork = order !== undefined;
    this.bytes.set([number, order ?? 0, 0]);
  }

  clear(): void {
    this.isEmpty = true;
    this.hasWork = false;
  }
}

function orderOf(store: (slot: TestSlot) => Promise<void>, more: Partial<SlotOrderSetup<TestSlot>> = {}) {
  return new SlotOrder<TestSlot>({
    threads: 3,
    program: './testing/worker.js',
    from: import.meta.url,
    name: 'test',
    data: undefined,
    work: () => Promise.resolve(begin as unknown as BeginWork<unknown>),
    makeSlot: (index) => new TestSlot(index),
    errorCode: 'ERR_OCIRENDER_SINK_TEST_COMPRESSOR',
    store,
    ...more,
  });
}

async function fill(slots: SlotOrder<TestSlot>, orders: readonly (number | undefined)[]): Promise<void> {
  for (const [number, order] of orders.entries()) {
    await slots.next();
    slots.open!.fill(number, order);
  }
  await slots.settle();
}

test('slots are stored in the order in which they were filled, whatever the threads do', async () => {
  const order = fc.option(fc.nat({ max: 4 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      fc.array(order, { maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      async (orders, threads) => {
        const stored: number[][] = [];
        let storing = 0;
        const slots = orderOf(
          async ({ bytes, hasWork }) => {
            expect(++storing).toBe(1);
            await new Promise((resolve) => setImmediate(resolve));
            stored.push([bytes[0]!, hasWork ? bytes[2]! : -1]);
            storing--;
          },
          { threads },
        );
        await fill(slots, orders);
        await slots.end();
        // One alone is not worth a thread.
        const answer = orders.filter((work) => work !== undefined).length === 1 ? 101 : 1;
        expect(stored).toEqual(
          orders.map((work, number) => [number, work === undefined ? -1 : number + answer]),
        );
      },
    ),
    { numRuns: 12 },
  );
});

test('slots that are left empty are used again', async () => {
  const stored: number[] = [];
  const slots = orderOf(async ({ bytes }) => void stored.push(bytes[0]!), { threads: 1 });
  for (let i = 0; i < 100; i++) expect(slots.next()).toBeUndefined();
  slots.open!.fill(7, 0);
  await slots.settle();
  await slots.settle();
  await slots.end();
  expect(stored).toEqual([7]);
});

test.each([
  ['a codec that breaks', 255, undefined, 'codec broke'],
  ['a thread that ends', 254, undefined, 'the thread ended with code 3'],
  ['a program that cannot begin', 0, 'cannot begin', 'no such library'],
])('%s makes filling fail, not hang', async (_name, bad, data, message) => {
  const slots = orderOf(async () => {}, { data });
  await expect(fill(slots, [0, bad, ...Array.from({ length: 100 }, () => 0)])).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_SINK_TEST_COMPRESSOR',
    message: expect.stringContaining(`a compression thread failed: ${message}`) as unknown,
  });
  expect(() => slots.check()).toThrow(message);
  await slots.end();
});

test('an error of the store makes filling fail', async () => {
  const slots = orderOf(() => Promise.reject(new Error('disk full')));
  await expect(
    fill(
      slots,
      Array.from({ length: 100 }, () => 0),
    ),
  ).rejects.toThrow('disk full');
  await slots.end();
});

test('a failure from outside ends a wait, and threads that are at work end when they are told to', async () => {
  const slots = orderOf(async () => {}, { threads: 1 });
  const filling = fill(
    slots,
    Array.from({ length: 10 }, () => 253),
  );
  setTimeout(() => slots.fail(new Error('enough')), 200);
  await expect(filling).rejects.toThrow('enough');
  await slots.end();
});

test('without a program, as in a bundle of one file, all is done in the calling thread', async () => {
  const stored: number[] = [];
  const slots = orderOf(async ({ bytes }) => void stored.push(bytes[2]!), {
    program: '@ocirender/no-such-worker',
  });
  await fill(slots, [3, 0, 1, 0, 2, 0, 0, 0, 0, 0]);
  await slots.end();
  expect(stored).toEqual([101, 102, 103, 104, 105, 106, 107, 108, 109, 110]);
});

test('one slot whose compression breaks, in the calling thread', async () => {
  const slots = orderOf(async () => {});
  await expect(fill(slots, [255])).rejects.toMatchObject({
    code: 'ERR_OCIRENDER_SINK_TEST_COMPRESSOR',
    message: 'a compression thread failed: codec broke',
  });
  await slots.end();
});
