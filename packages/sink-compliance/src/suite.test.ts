import { afterEach, describe, expect, test } from 'vitest';
import { type Flaw, jsonSink, leakedHandles, readJson } from '../test/support/json-sink.ts';
import { sinkChecks, testSink } from './suite.ts';

testSink({ name: 'the JSON sink', factory: () => jsonSink(), read: readJson });

describe('the suite finds', () => {
  afterEach(async () => {
    for (const handle of new Set(leakedHandles.splice(0))) await handle.close();
  });

  const cases: readonly [Flaw, string, RegExp][] = [
    ['keeps-views', 'keeps every kind of inode', /sha256 is/],
    ['leaks-handle', 'lets go of everything when aborted between contents', /left open: .*output/],
    [
      'leaks-worker',
      'lets go of everything when aborted before the first content',
      /left open: worker thread/,
    ],
    [
      'ignores-signal',
      'stops with ERR_OCIRENDER_ABORTED when the signal is aborted before finish',
      /instead of failing/,
    ],
    [
      'ignores-signal',
      'stops with ERR_OCIRENDER_ABORTED when the signal is aborted during finish',
      /instead of failing/,
    ],
    ['forgets-links', 'keeps hard links of every kind', /shares its inode with/],
    ['forgets-xattrs', 'keeps extended attributes', /xattr user\.comment is missing/],
    ['depends-on-cuts', 'gives the same output however contents are cut into chunks', /sha256/],
    ['hides-stream-error', 'passes on the error of a content stream', /not with the stream's own error/],
    ['changes-tree', 'keeps an empty tree', /changed the tree/],
    ['complains', 'keeps an empty tree', /nothing is lost/],
  ];
  test.each(cases)('a sink that %s', async (flaw, name, message) => {
    const checks = sinkChecks({ name: 'flawed', factory: () => jsonSink(flaw), read: readJson });
    const check = checks.find((candidate) => candidate.name === name);
    await expect(check?.run()).rejects.toThrow(message);
  });

  test('no check twice', () => {
    const names = sinkChecks({ name: 'any', factory: () => jsonSink(), read: readJson }).map(
      ({ name }) => name,
    );
    expect(new Set(names).size).toBe(names.length);
  });
});
