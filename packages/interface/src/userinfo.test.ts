import { expect, test } from 'vitest';
import { redactUserinfo, userinfoError } from './index.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

test.each([
  ['docker://me:s3cret@ghcr.io/x:1', 'docker://***@ghcr.io/x:1'],
  ['docker://me:s3/c@r:et@ghcr.io/x', 'docker://***@ghcr.io/x'],
  [`docker://me:s3cret@ghcr.io:5000/x@${DIGEST}`, `docker://***@ghcr.io:5000/x@${DIGEST}`],
  ['docker://s3cret-token@ghcr.io/x', 'docker://***@ghcr.io/x'],
  [
    'GET HTTPS://me:s3cret@h/v2/ and http://a:s3cret@b failed',
    'GET HTTPS://***@h/v2/ and http://***@b failed',
  ],
])('%s loses its password', (text, redacted) => {
  expect(redactUserinfo(text)).toBe(redacted);
});

test.each([
  'me:s3cret@ghcr.io/x',
  `me:s3cret@ghcr.io:5000/x@${DIGEST}`,
  'docker://me:s3cret@h/x',
  'me:s3/c@r@h/x',
])('the reference %s is refused, and not repeated', (reference) => {
  const error = userinfoError(reference);
  expect(error).toMatchObject({
    code: 'ERR_OCIRENDER_USAGE',
    hint: expect.stringContaining('ocirender login'),
  });
  expect(error?.message).not.toMatch(/s3|me:/);
});

test.each([
  'nginx',
  'nginx:1.27',
  `nginx@${DIGEST}`,
  `./image:v1@${DIGEST}`,
  'docker://localhost:5000/a:b',
  `docker://localhost:5000/a@${DIGEST}`,
  `docker://a@${DIGEST}`,
  'image@sha256:short',
  './a@b',
  '/srv/a:b@c',
])('%s has none', (reference) => {
  expect(userinfoError(reference)).toBeUndefined();
  expect(redactUserinfo(reference)).toBe(reference);
});
