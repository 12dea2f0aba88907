import { expect, test } from 'vitest';
import { formatUuid, parseUuid, uuidFrom } from './uuid.ts';

test('reads what people write, and nothing else', () => {
  const text = '01234567-89ab-cdef-0123-456789abcdef';
  expect(formatUuid(parseUuid(text)!)).toBe(text);
  expect(parseUuid(text.toUpperCase().replaceAll('-', ''))).toEqual(parseUuid(text));
  for (const other of [
    '',
    '1234',
    `${text}0`,
    '0123-4567-89abcdef-0123-456789abcdef',
    'g'.repeat(32),
    '0'.repeat(32),
  ])
    expect(parseUuid(other), other).toBeUndefined();
});

test('a UUID made of a name is one of version 8, and the same for the same name', () => {
  expect(formatUuid(uuidFrom('sha256:abc'))).toBe(formatUuid(uuidFrom('sha256:abc')));
  expect(formatUuid(uuidFrom('sha256:abc'))).not.toBe(formatUuid(uuidFrom('sha256:abd')));
  expect(formatUuid(uuidFrom(''))).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});
