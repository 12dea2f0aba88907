import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseName, cleanPath, parentPath, pathDepth } from './path.ts';

describe('cleanPath', () => {
  it.each([
    ['a/b', 'a/b', false],
    ['./a', 'a', false],
    ['/a', 'a', false],
    ['a//b/', 'a/b', false],
    ['a/./b', 'a/b', false],
    ['a/../b', 'b', false],
    ['.', '', false],
    ['/', '', false],
    ['', '', false],
    ['..', '', true],
    ['a/../../b', 'b', true],
    ['..a/b..', '..a/b..', false],
    ['a/...', 'a/...', false],
  ])('%j is %j', (spelled, path, escapes) => {
    expect(cleanPath(spelled)).toEqual({ path, escapes });
  });

  it('is stable', () => {
    const part = fc.constantFrom('', '.', '..', 'a', 'b', '\xff');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { path } = cleanPath(parts.join('/'));
        expect(cleanPath(path)).toEqual({ path, escapes: false });
        expect(pathDepth(path)).toBe(path === '' ? 0 : path.split('/').length);
      }),
    );
  });
});

describe('parentPath and baseName', () => {
  it('split at the last slash', () => {
    expect([parentPath('a/b/c'), baseName('a/b/c'), parentPath('a'), baseName('a')]).toEqual([
      'a/b',
      'c',
      '',
      'a',
    ]);
  });
});
