import { defineSink, type Sink, type SinkSession } from '@ocirender/interface';
import { erofsOptions } from './options.ts';
import { openSession } from './session.ts';

/** Writes EROFS images in this process, without mkfs.erofs. */
export const erofsSink: Sink = defineSink({
  name: 'erofs',
  summary: 'Writes EROFS images in process, without mkfs.erofs.',
  extensions: ['.erofs'],
  outputs: ['file'],
  options: erofsOptions,
  open: async (context): Promise<SinkSession> => openSession(context),
});
