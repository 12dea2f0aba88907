import { FormatError, LimitError, OcirenderError } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { describeFailure } from './failure.ts';
import { renderFailure } from './render-failure.ts';

describe('describeFailure', () => {
  test('an ocirender error: code, hint, causes once per level', () => {
    const root = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    const middle = new OcirenderError('ERR_OCIRENDER_IO', 'cannot write', {
      cause: root,
      hint: 'Free some room.',
    });
    const top = new OcirenderError('ERR_OCIRENDER_IO', 'layer 2 failed', { cause: middle });
    expect(describeFailure(top)).toEqual({
      failure: {
        code: 'ERR_OCIRENDER_IO',
        message: 'layer 2 failed',
        hint: 'Free some room.',
        causes: [
          { code: 'ERR_OCIRENDER_IO', message: 'cannot write' },
          { code: 'ENOSPC', message: 'ENOSPC: no space left' },
        ],
      },
      exitCode: 1,
    });
  });

  test('a cause that its wrapper quotes is not repeated', () => {
    const cause = new Error('EACCES: permission denied');
    const error = new OcirenderError('ERR_OCIRENDER_IO', `cannot read: ${cause.message}`, { cause });
    expect(describeFailure(error).failure.causes).toEqual([]);
  });

  test('a chain that loops ends', () => {
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    first.cause = second;
    const error = new OcirenderError('ERR_OCIRENDER_FORMAT', 'top', { cause: first });
    expect(describeFailure(error).failure.causes).toHaveLength(16);
  });

  test.each([
    ['ERR_OCIRENDER_USAGE', 2],
    ['ERR_OCIRENDER_UNKNOWN_SINK', 2],
    ['ERR_OCIRENDER_INVALID_OPTION', 2],
    ['ERR_OCIRENDER_ABORTED', 130],
    ['ERR_OCIRENDER_OUTPUT_EXISTS', 1],
    ['ERR_OCIRENDER_SINK_SQUASHFS_TOO_MANY_IDS', 1],
  ] as const)('%s exits %d', (code, exitCode) => {
    expect(describeFailure(new OcirenderError(code, 'x')).exitCode).toBe(exitCode);
  });

  test('an error of another copy of the interface counts too', () => {
    const error = Object.assign(new Error('foreign'), { code: 'ERR_OCIRENDER_FORMAT', hint: 'Look.' });
    expect(describeFailure(error)).toEqual({
      failure: { code: 'ERR_OCIRENDER_FORMAT', message: 'foreign', hint: 'Look.', causes: [] },
      exitCode: 1,
    });
  });

  test('a limit names its flag, from any level', () => {
    const limit = new LimitError('pathBytes', 4096, 'path too long');
    const error = new OcirenderError('ERR_OCIRENDER_INVALID_IMAGE', 'layer 1', { cause: limit });
    expect(describeFailure(error).failure.hint).toBe(
      'If you trust the image, raise the limit with --max-path-length.',
    );
    const source = new LimitError('documentBytes', 1, 'manifest too long');
    expect(describeFailure(source).failure.hint).toBe(
      'If you trust the image, raise the limit with --max-document-size.',
    );
    const other = new LimitError('toString', 1, 'of another library');
    expect(describeFailure(other).failure.hint).toBe(
      'If the input is trustworthy, raise the limit toString.',
    );
  });

  test("oclif's usage errors", () => {
    const error = Object.assign(new Error('Nonexistent flag: --x\nSee more help with --help'), {
      oclif: { exit: 2 },
    });
    expect(describeFailure(error)).toEqual({
      failure: {
        code: 'ERR_OCIRENDER_USAGE',
        message: 'Nonexistent flag: --x',
        causes: [],
        hint: 'See --help.',
      },
      exitCode: 2,
      isMultiline: true,
    });
  });

  test('anything else is a bug, with its stack', () => {
    const error = new TypeError('x is not a function');
    expect(describeFailure(error)).toEqual({
      failure: { code: 'ERR_INTERNAL', message: 'x is not a function', causes: [], stack: error.stack },
      exitCode: 1,
    });
    expect(describeFailure('text')).toEqual({
      failure: { code: 'ERR_INTERNAL', message: 'text', causes: [] },
      exitCode: 1,
    });
  });
});

describe('renderFailure', () => {
  const render = (error: unknown): string[] =>
    renderFailure(describeFailure(error), 'ocirender/1 linux node');

  test('message, causes, hint', () => {
    const cause = new FormatError('bad checksum', 512);
    const error = new OcirenderError('ERR_OCIRENDER_FORMAT', 'layer 1', { cause, hint: 'Fetch it again.' });
    expect(render(error)).toEqual([
      'Error: layer 1',
      '  because: bad checksum (at byte 512)',
      'Hint: Fetch it again.',
    ]);
  });

  test('only messages of our own have several lines', () => {
    const usage = Object.assign(new Error('Missing 1 required arg:\nimage  what to convert'), {
      oclif: { exit: 2 },
    });
    expect(render(usage).slice(0, 2)).toEqual(['Error: Missing 1 required arg:', 'image  what to convert']);
    const cause = new Error('no x\nHint: y');
    const quoting = new OcirenderError('ERR_OCIRENDER_IO', 'a\nError: b', { cause, hint: 'c\nd' });
    expect(render(quoting)).toEqual(['Error: a\nError: b', '  because: no x\nHint: y', 'Hint: c\nd']);
    const bug = render(new TypeError('oops\nHint: y'));
    expect(bug.slice(0, 2)).toEqual(['Internal error: oops\nHint: y', 'TypeError: oops\nHint: y']);
    expect(bug.filter((line) => line.includes('\n'))).toHaveLength(2);
  });

  test('a bug asks for a report', () => {
    const text = render(new TypeError('oops')).join('\n');
    expect(text).toMatch(/^Internal error: oops\nTypeError: oops\n {4}at /);
    expect(text).toContain('"ocirender/1 linux node"');
    expect(text).toContain('https://github.com/ocirender/ocirender/issues');
  });
});
