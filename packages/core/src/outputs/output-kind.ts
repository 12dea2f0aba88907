import { OcirenderError, type OutputKind } from '@ocirender/interface';

/**
 * Chooses the kind of output for a sink.
 *
 * @param outputs - what the sink can write to
 * @param given - what the user gave: a path, a stream, or nothing
 * @param sink - its name, for messages
 * @returns the kind
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the sink cannot write to it
 */
export function outputKind(
  outputs: readonly OutputKind[],
  given: 'path' | 'stream' | 'nothing',
  sink: string,
): OutputKind {
  const fitting: Record<typeof given, readonly OutputKind[]> = {
    path: ['file', 'directory'],
    stream: ['stream'],
    nothing: ['none'],
  };
  const kind = outputs.find((output) => fitting[given].includes(output));
  if (kind !== undefined) return kind;
  const problem = {
    path: 'writes no file or directory',
    stream: 'cannot write to a pipe',
    nothing: 'needs an output',
  }[given];
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `the sink ${sink} ${problem}`, {
    hint: given === 'path' ? 'Leave --output out.' : 'Name a path with --output.',
  });
}
