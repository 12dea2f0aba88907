import { setImmediate } from 'node:timers/promises';
import type { Layer } from '@ocirender/interface';

/**
 * Layers that arrive one after the other, in an order of their own: one that is opened before it is there makes its
 * reader wait.
 *
 * @param layers - oldest first
 * @param order - indexes into them; what is missing arrives last
 */
export function arriving(layers: readonly Layer[], order: readonly number[]): Layer[] {
  if (order.length === 0) return [...layers];
  const open: (() => void)[] = [];
  const arrivals = layers.map((_, index) => new Promise<void>((resolve) => (open[index] = resolve)));
  const turns = [...new Set([...order.filter((index) => index < layers.length), ...layers.keys()])];
  void (async (): Promise<void> => {
    for (const index of turns) {
      await setImmediate();
      open[index]!();
    }
  })();
  return layers.map(({ openFile: _openFile, ...layer }, index) => ({
    ...layer,
    async *open(options) {
      await arrivals[index];
      yield* layer.open(options);
    },
  }));
}
