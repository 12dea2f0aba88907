import { isOcirenderError } from '@ocirender/interface';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeLayers } from './merge.ts';
import { arbitraryStack } from './testing/arbitrary-stack.ts';
import { arriving } from './testing/arriving.ts';
import { listModel, listTree, MemorySession } from './testing/memory-sink.ts';
import { type ModelEntry, ModelError, mergeModel } from './testing/model.ts';
import { layersOf } from './testing/stack.ts';

const RUNS = Number(process.env['OCIRENDER_FUZZ_RUNS'] ?? 400);

interface How {
  readonly placement: 'any' | 'inline';
  readonly lenient: boolean;
  readonly planFirst?: boolean;
  /** Sizes of the pieces in which the bytes of a layer come. */
  readonly cuts?: number[];
  /** In which order the layers arrive: indexes, more or fewer than there are layers. */
  readonly arrival?: number[];
}

async function byEngine(stack: ModelEntry[][], how: How): Promise<string[] | string> {
  let session = new MemorySession();
  try {
    await mergeLayers({
      layers: arriving(layersOf(stack, how.cuts), how.arrival ?? []),
      openSession: async () => {
        session = new MemorySession(how.placement);
        return session;
      },
      policy: { lenient: how.lenient },
      planFirst: how.planFirst ?? false,
    });
    return listTree(session.tree!, session.contents);
  } catch (error) {
    if (!isOcirenderError(error)) throw error;
    expect(session.aborted).toBe(1);
    return 'error';
  }
}

function byModel(stack: ModelEntry[][], lenient: boolean): string[] | string {
  try {
    return listModel(mergeModel(stack, { lenient }));
  } catch (error) {
    if (error instanceof ModelError) return 'error';
    throw error;
  }
}

describe('the engine against the reference model', () => {
  it.each([
    { placement: 'any' as const, lenient: true },
    { placement: 'any' as const, lenient: false },
    { placement: 'inline' as const, lenient: true },
    { placement: 'any' as const, lenient: true, planFirst: true },
  ])('gives the same tree: %o', async (how) => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryStack,
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 4 }),
        fc.uniqueArray(fc.nat(5)),
        async (stack, cuts, arrival) => {
          expect(await byEngine(stack, { ...how, cuts, arrival })).toEqual(byModel(stack, how.lenient));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('merges most lenient stacks to a tree with something in it', () => {
    const results = fc.sample(arbitraryStack, 200).map((stack) => byModel(stack, true));
    expect(results.filter((result) => Array.isArray(result) && result.length > 3).length).toBeGreaterThan(60);
  });
});
