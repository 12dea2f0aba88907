import { describe, expect, it } from 'vitest';
import { nameMeaning } from './whiteout.ts';

describe('nameMeaning', () => {
  it.each([
    ['a/b', { kind: 'entry' }],
    ['a.wh.b', { kind: 'entry' }],
    ['.wh.a', { kind: 'whiteout', path: 'a' }],
    ['d/.wh.a', { kind: 'whiteout', path: 'd/a' }],
    ['d/.wh..hidden', { kind: 'whiteout', path: 'd/.hidden' }],
    ['.wh..wh..opq', { kind: 'opaque', path: '' }],
    ['d/.wh..wh..opq', { kind: 'opaque', path: 'd' }],
    ['.wh..wh.aufs', { kind: 'aufs' }],
    ['d/.wh..wh.plnk/x', { kind: 'aufs' }],
    ['.wh..wh.orph/.wh.x', { kind: 'aufs' }],
  ])('%j', (path, meaning) => {
    expect(nameMeaning(path)).toEqual(meaning);
  });

  it.each(['.wh.', 'd/.wh.', '.wh..', 'd/.wh...'])('refuses %j', (path) => {
    expect(() => nameMeaning(path)).toThrow(
      expect.objectContaining({ code: 'ERR_OCIRENDER_INVALID_WHITEOUT' }),
    );
  });
});
