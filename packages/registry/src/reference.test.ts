import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatReference, parseReference, parseRegistry } from './reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('parseReference', () => {
  test.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['docker://nginx', 'docker.io/library/nginx:latest'],
    ['owner/name', 'docker.io/owner/name:latest'],
    ['a/b/c:x', 'docker.io/a/b/c:x'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
    ['registry-1.docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['localhost:5000/x:tag', 'localhost:5000/x:tag'],
    ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b:latest'],
    ['[::1]:5000/x', '[::1]:5000/x:latest'],
    ['ghcr.io/owner/name:v1.0-rc_1', 'ghcr.io/owner/name:v1.0-rc_1'],
    ['Host/name', 'Host/name:latest'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`nginx:1.27@${DIGEST}`, `docker.io/library/nginx:1.27@${DIGEST}`],
    [`localhost:5000/x@${DIGEST}`, `localhost:5000/x@${DIGEST}`],
    ['a--b/c__d/e.f_g', 'docker.io/a--b/c__d/e.f_g:latest'],
    [`${'0123456789abcdef'.repeat(4)}:x`, undefined],
    ['', undefined],
    ['docker://', undefined],
    ['Nginx', undefined],
    ['nginx:', undefined],
    ['nginx: ', undefined],
    ['nginx:-x', undefined],
    [`nginx:${'a'.repeat(129)}`, undefined],
    ['/nginx', undefined],
    ['nginx/', undefined],
    ['a//b', undefined],
    ['a/./b', undefined],
    ['a/../b', undefined],
    ['a___b', undefined],
    ['a..b/c', undefined],
    ['https://example.com/x', undefined],
    ['user@example.com/x', undefined],
    ['example.com:port/x', undefined],
    ['-a.com/x', undefined],
    ['x?y', undefined],
    ['nginx@sha256:abc', undefined],
    ['nginx@md5:0123', undefined],
    [`${'a'.repeat(250)}/${'b'.repeat(10)}`, undefined],
  ])('%j is %j', (text, expected) => {
    if (expected !== undefined) {
      expect(formatReference(parseReference(text))).toBe(expected);
      return;
    }
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_OCIRENDER_(USAGE|INVALID_DIGEST)$/) }),
    );
  });

  const component = fc.stringMatching(/^[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}$/);
  const reference = fc
    .record({
      registry: fc.constantFrom(
        'docker.io',
        'localhost:5000',
        'ghcr.io',
        'registry.example.com:443',
        '[fe80::1]:80',
      ),
      path: fc.array(component, { minLength: 2, maxLength: 5 }),
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
      digest: fc.option(fc.stringMatching(/^sha256:[0-9a-f]{64}$/), { nil: undefined }),
    })
    .map(({ registry, path, tag, digest }) => ({
      registry,
      repository: path.join('/'),
      ...(tag === undefined && digest !== undefined ? {} : { tag: tag ?? 'latest' }),
      ...(digest === undefined ? {} : { digest }),
    }));

  test('reads what formatReference writes', () => {
    fc.assert(
      fc.property(reference, (parts) => {
        expect(parseReference(formatReference(parts))).toEqual(parts);
      }),
    );
  });

  test('takes any text, fast, with an error of its own or a result that reads back', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[a-z.:/@_-]{0,40}$/),
      fc.array(fc.nat(0xffff), { maxLength: 300 }).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(text, (name) => {
        let parsed: ReturnType<typeof parseReference>;
        try {
          parsed = parseReference(name);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^ERR_OCIRENDER_(USAGE|INVALID_DIGEST)$/),
          });
          return;
        }
        expect(parseReference(formatReference(parsed))).toEqual(parsed);
      }),
    );
    expect(() => parseReference(`a${'-'.repeat(100_000)}!`)).toThrow();
    expect(() => parseReference(`${'a.'.repeat(50_000)}/x`)).toThrow();
  });
});

test.each([
  ['docker.io', 'docker.io'],
  ['INDEX.docker.io', 'docker.io'],
  ['localhost', 'localhost'],
  ['example.com:5000', 'example.com:5000'],
])('parseRegistry %j is %j', (text, expected) => {
  expect(parseRegistry(text)).toBe(expected);
});

test.each(['', 'https://example.com', 'example.com/x', 'a b', 'example.com:', 'user@host'])(
  'parseRegistry refuses %j',
  (text) => {
    expect(() => parseRegistry(text)).toThrow(expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }));
  },
);
