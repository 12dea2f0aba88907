import { expect, test } from 'vitest';
import { byteStringFromText, displayPath, printable, printableJson } from './index.ts';

/** One of each kind that a terminal obeys or hides. */
const HOSTILE = [
  '\n',
  '\r',
  '\t',
  '\0',
  '\u001b',
  '\u007f',
  '\u0085',
  '\u009b',
  '\u00ad',
  '\u061c',
  '\u180e',
  '\u200b',
  '\u200c',
  '\u200d',
  '\u200e',
  '\u200f',
  '\u2028',
  '\u2029',
  '\u202a',
  '\u202e',
  '\u2060',
  '\u2064',
  '\u2066',
  '\u2069',
  '\u206f',
  '\ufeff',
  '\ufff9',
  '\u3164',
  '\ufe0f',
  '\ud800',
  '\u{e0041}',
];

test.each(HOSTILE)('%j is shown as an escape', (char) => {
  const code = char.codePointAt(0)!;
  const escaped = code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  expect(printable(`a${char}b`)).toBe(`a${escaped}b`);
  expect(printable(printable(`a${char}b`))).toBe(`a${escaped}b`);
  if (char !== '\ud800') expect(displayPath(byteStringFromText(`a${char}b`))).toBe(`a${escaped}b`);
});

test('what is visible stays', () => {
  const text = 'naïve “日本語” עברית 🎉 \\x0a';
  expect(printable(text)).toBe(text);
});

test('JSON says the same, in visible characters', () => {
  const value = { [HOSTILE.join('')]: HOSTILE.map((char) => `x${char}`) };
  const text = printableJson(JSON.stringify(value, undefined, 2));
  expect(text.replaceAll('\n', '')).toBe(printable(text.replaceAll('\n', '')));
  expect(JSON.parse(text)).toEqual(value);
});
