import {
  defineSink,
  OcirenderError,
  type Sink,
  type SinkContext,
  type SinkReport,
  type SinkSession,
  type Tree,
  throwIfAborted,
} from '@ocirender/interface';
import { TarTreeWriter } from '@ocirender/tar-header';
import { type Destination, openFileDestination, streamDestination } from './destination.ts';

/**
 * Writes the merged image as one tar: canonical ustar, with PAX records only where ustar has no room. To a
 * file or to a stream; contents go out as they come, under their final paths.
 */
export const tarSink: Sink = defineSink({
  name: 'tar',
  summary: 'Writes the merged image as one canonical tar archive.',
  extensions: ['.tar'],
  outputs: ['file', 'stream'],
  takesRoom: 'contents',
  options: {},
  open: openSession,
});

async function openSession(context: SinkContext): Promise<SinkSession> {
  const { signal } = context;
  throwIfAborted(signal);
  const destination = await openDestination(context);
  const writer = new TarTreeWriter(async (bytes) => {
    throwIfAborted(signal);
    await destination.write(bytes);
  }, context.diagnose);
  return {
    placement: 'inline',
    keepsPax: true,
    write(content, info) {
      throwIfAborted(signal);
      return writer.writeContent(content, info);
    },
    async finish(tree: Tree): Promise<SinkReport> {
      throwIfAborted(signal);
      const { bytes, entries } = await writer.finish(tree);
      await destination.close();
      throwIfAborted(signal);
      return { bytesWritten: bytes, details: { entries } };
    },
    abort: () => destination.abandon(),
  };
}

async function openDestination({ output }: SinkContext): Promise<Destination> {
  if (output.kind === 'file') return openFileDestination(output.path);
  if (output.kind === 'stream') return streamDestination(output.write);
  throw new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `the tar sink writes to a file or a stream, not to an output of kind "${output.kind}"`,
  );
}
