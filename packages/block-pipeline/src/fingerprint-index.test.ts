import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FingerprintIndex } from './fingerprint-index.ts';

test('gives the first eight of a fingerprint, in order, and nothing of another', () => {
  const fingerprint = fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom(2047, 2048, 4095, 0xffff_ffff),
    fc.integer({ min: 0, max: 0xffff_ffff }),
  );
  fc.assert(
    fc.property(fc.array(fingerprint, { maxLength: 3000 }), (list) => {
      const index = new FingerprintIndex();
      const model = new Map<number, number[]>();
      for (const [value, of] of list.entries()) {
        const known = model.get(of) ?? [];
        expect(index.candidates(of)).toEqual(known);
        index.add(of, value);
        if (known.length < 8) model.set(of, [...known, value]);
      }
      for (const [of, values] of model) expect(index.candidates(of)).toEqual(values);
    }),
    { numRuns: 30 },
  );
});
