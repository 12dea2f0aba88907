import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

const plain = (headers: string[]): unknown =>
  parseChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each<[string, unknown]>([
  ['Basic realm="x"', [['basic', { realm: 'x' }]]],
  [
    'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        { realm: 'https://auth.example.com/token', service: 'registry', scope: 'repository:a/b:pull,push' },
      ],
    ],
  ],
  ['bearer realm=x , service = "y"', [['bearer', { realm: 'x', service: 'y' }]]],
  ['Bearer realm="a \\"b\\" \\\\c"', [['bearer', { realm: 'a "b" \\c' }]]],
  [
    'Basic realm="x", Bearer realm="y",service="z"',
    [
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y', service: 'z' }],
    ],
  ],
  [
    'Negotiate, Basic realm="x"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  [
    'NTLM TlRMTVNTUAAB==, Basic realm=x',
    [
      ['ntlm', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  ['Basic', [['basic', {}]]],
  [', ,Basic realm="x",', [['basic', { realm: 'x' }]]],
  ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
  ['Bearer realm="unterminated', [['bearer', {}]]],
  ['Bearer ="x"', [['bearer', {}]]],
  ['"', []],
  ['', []],
])('%j', (header, expected) => {
  expect(plain([header])).toEqual(expected);
});

test('several headers', () => {
  expect(plain(['Basic realm="x"', 'Bearer realm="y"'])).toEqual([
    ['basic', { realm: 'x' }],
    ['bearer', { realm: 'y' }],
  ]);
});

test('any text is read without an error, and long ones do not take for ever', () => {
  const word = fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'x', '\t', '==', ', ');
  const text = fc.oneof(
    fc.string(),
    fc.array(word, { maxLength: 60 }).map((words) => words.join('')),
  );
  fc.assert(
    fc.property(text, (header) => {
      for (const { scheme } of parseChallenges([header])) expect(scheme).toMatch(/^[^\s,="]+$/);
    }),
  );
  for (const part of ['a ', 'a=', '"', ',', 'a="\\', 'a=b,', ' ', '=']) {
    expect(parseChallenges([`Bearer ${part.repeat(1_000_000)}`])[0]?.scheme).toBe('bearer');
  }
});
