import { defineSink, type Sink, type SinkSession } from '@ocirender/interface';
import { ext4Options } from './options.ts';
import { openSession } from './session.ts';

/** Writes ext4 filesystems in this process, as small as the tree or of a given size. */
export const ext4Sink: Sink = defineSink({
  name: 'ext4',
  summary: 'Writes ext4 filesystems in process, as small as the tree or of a given size.',
  extensions: ['.ext4'],
  outputs: ['file'],
  takesRoom: 'contents',
  options: ext4Options,
  open: async (context): Promise<SinkSession> => openSession(context),
});
