import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../test/layout-fixture.ts';
import { matchName, tagPart } from './names.ts';
import { parseReference } from './reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const base = temporaryDirectory();
for (const name of ['image', 'a:b', 'c@d', 'e:1@2', 'image:shadow']) mkdirSync(join(base, name));
const at = (name: string): string => join(base, name);

describe('parseReference', () => {
  it.each([
    [at('image'), { directory: at('image') }],
    [`oci:${at('image')}`, { directory: at('image') }],
    [at('image:1.27'), { directory: at('image'), tag: '1.27' }],
    [`oci:${at('image:1.27')}`, { directory: at('image'), tag: '1.27' }],
    [
      at('image:docker.io/library/nginx:1.27'),
      { directory: at('image'), tag: 'docker.io/library/nginx:1.27' },
    ],
    [at(`image@${DIGEST}`), { directory: at('image'), digest: DIGEST }],
    [at(`image:1.27@${DIGEST}`), { directory: at('image'), tag: '1.27', digest: DIGEST }],
    [at('image:shadow'), { directory: at('image:shadow') }],
    [at('image:shadow:x'), { directory: at('image:shadow'), tag: 'x' }],
    [at('a:b'), { directory: at('a:b') }],
    [at('a:b:c'), { directory: at('a:b'), tag: 'c' }],
    [at('c@d'), { directory: at('c@d') }],
    [at('c@d:t'), { directory: at('c@d'), tag: 't' }],
    [at(`e:1@2@${DIGEST}`), { directory: at('e:1@2'), digest: DIGEST }],
    [at('none'), { directory: at('none') }],
    [at('none:tag'), { directory: at('none'), tag: 'tag' }],
    [at('none@x'), { directory: at('none@x') }],
    [at('none:'), { directory: at('none:') }],
    ['', { directory: '' }],
    ['C:\\images\\x', { directory: 'C:\\images\\x' }],
  ])('%s', (text, parts) => {
    expect(parseReference(text)).toEqual(parts);
  });

  it.each([at('image@sha256:zz'), at('image@x'), `${base}/none@sha256:../..`, at(`image:t@${DIGEST}0`)])(
    'refuses the digest of %s',
    (text) => {
      expect(() => parseReference(text)).toThrow(
        expect.objectContaining({ code: 'ERR_OCIRENDER_INVALID_DIGEST' }),
      );
    },
  );
});

describe('matchName', () => {
  it.each([
    ['1.27', '1.27', 'exact'],
    ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.27', 'exact'],
    ['docker.io/library/nginx:1.27', 'nginx:1.27', 'exact'],
    ['docker.io/me/app:1', 'me/app:1', 'exact'],
    ['docker.io/library/nginx:1.27', '1.27', 'tag'],
    ['localhost:5000/app', '5000/app', undefined],
    ['1.27', '1.2', undefined],
  ] as const)('%s against %s is %s', (name, wanted, match) => {
    expect(matchName(name, wanted)).toBe(match);
  });

  it('finds the tag of a full name', () => {
    expect(['latest', 'a:latest', 'localhost:5000/a:latest', 'localhost:5000/a'].map(tagPart)).toEqual([
      'latest',
      'latest',
      'latest',
      'a',
    ]);
  });
});
