import { defineSink, type Sink, type SinkSession } from '@ocirender/interface';
import { ExternalSession } from './external-engine.ts';
import { squashfsOptions } from './options.ts';
import { openInProcess } from './session.ts';

/** Writes squashfs 4.0 images in this process, without mksquashfs. */
export const squashfsSink: Sink = defineSink({
  name: 'squashfs',
  summary: 'Writes squashfs 4.0 images in process, without mksquashfs.',
  extensions: ['.squashfs', '.sqfs', '.sqsh', '.sfs'],
  outputs: ['file'],
  options: squashfsOptions,
  open: async (context): Promise<SinkSession> => {
    const external =
      context.options['engine'] === 'mksquashfs' || context.options['mksquashfs'] !== undefined;
    return external ? ExternalSession.open(context) : openInProcess(context);
  },
});
