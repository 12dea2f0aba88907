import type { Diagnostic } from '@ocirender/interface';
import { expect, test } from 'vitest';
import { ToldDiagnostics } from './told-diagnostics.ts';

test('what a merge says again after a new start is told once, also when it was said twice', () => {
  const heard: Diagnostic[] = [];
  const told = new ToldDiagnostics((diagnostic) => heard.push(diagnostic));
  const [a, b] = [
    { code: 'path-clamped', message: 'a', path: 'a' },
    { code: 'path-clamped', message: 'b', path: 'b' },
  ] as const;
  for (const one of [a, a]) told.diagnose(one);
  told.startAgain();
  for (const one of [a, a, a, b]) told.diagnose(one);
  told.startAgain();
  told.diagnose({ ...a, layer: 'sha256:1' });
  told.diagnose(a);
  expect(heard).toEqual([a, a, a, b, { ...a, layer: 'sha256:1' }]);
});

test('of very many, those beyond the first ten thousand are told each time', () => {
  let heard = 0;
  const told = new ToldDiagnostics(() => heard++);
  for (const _ of [1, 2]) {
    for (let i = 0; i < 10_007; i++) told.diagnose({ code: 'path-clamped', message: `${i}` });
    told.startAgain();
  }
  expect(heard).toBe(10_014);
});
