import { describe, expect, it } from 'vitest';
import { LineShare } from './line-share.ts';

/** A layer that arrives at a rate that depends on whether others arrive, too. */
class Blob {
  arrived = 0;
  arriving = true;
  awaited = true;
}

/** Lets time pass and gives the share of it in which the second layer might take bytes. */
function shareOfSecond(together: number, alone: number, seconds: number): number {
  let now = 0;
  const line = new LineShare(() => now);
  const [first, second] = [new Blob(), new Blob()];
  line.first(first);
  let taken = 0;
  for (; now < seconds * 1000; now += 10) {
    const may = line.mayTake(second);
    if (may) taken += 10;
    first.arrived += (may ? together : alone) * 10;
    expect(line.mayTake(first)).toBe(true);
  }
  return taken / (seconds * 1000);
}

describe('LineShare', () => {
  it('gives nearly all of a line that is full to the layer that is awaited', () => {
    expect(shareOfSecond(10_000, 20_000, 60)).toBeLessThan(0.2);
  });

  it('lets others arrive where each connection has a limit of its own', () => {
    expect(shareOfSecond(10_000, 10_000, 60)).toBeGreaterThan(0.85);
  });

  it.each<[string, Partial<Blob>]>([
    ['is not being fetched', { arriving: false }],
    ['has more bytes than are wanted yet', { awaited: false }],
  ])('nobody waits for a layer that %s', (_name, state) => {
    let now = 0;
    const line = new LineShare(() => now);
    const first = Object.assign(new Blob(), state);
    line.first(first);
    for (; now < 10_000; now += 10) expect(line.mayTake(new Blob())).toBe(true);
  });
});
