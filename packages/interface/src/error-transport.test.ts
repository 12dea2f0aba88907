import { expect, test } from 'vitest';
import { packError, unpackError } from './error-transport.ts';
import { DigestMismatchError, FormatError, LimitError, OcirenderError } from './errors.ts';

const system = Object.assign(new Error('EIO: i/o error, read'), { errno: -5, code: 'EIO', syscall: 'read' });

test.each([
  new OcirenderError('ERR_OCIRENDER_IO', 'cannot be read', { cause: system, hint: 'Try again.' }),
  new FormatError('damaged', 17, { cause: system }),
  new FormatError('cut', 17, { code: 'ERR_OCIRENDER_TRUNCATED' }),
  new DigestMismatchError('layer', 'sha256:a', 'sha256:b'),
  new LimitError('maxRatio', 10, 'too much'),
  system,
  new RangeError('no bug is hidden'),
])('%s comes out of a thread as it went in', (error) => {
  const again = unpackError(structuredClone(packError(error)));
  expect(again).toEqual(error);
  expect(Object.entries(again)).toEqual(expect.arrayContaining(Object.entries(error)) as unknown);
  expect(again.stack).toBe(error.stack);
  expect(again.cause).toEqual(error.cause);
  if (error instanceof OcirenderError) expect(again).toBeInstanceOf(error.constructor);
});

test('what is no error becomes one, and a circle of causes ends', () => {
  expect(unpackError(packError('text')).message).toBe('text');
  const error = new Error('round');
  error.cause = error;
  let depth = 0;
  for (let at: unknown = unpackError(packError(error)); at instanceof Error; at = at.cause) depth++;
  expect(depth).toBe(9);
});
