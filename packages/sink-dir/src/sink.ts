import { defineSink, type Sink } from '@ocirender/interface';
import { MTREE } from './mtree.ts';
import { openSession } from './session.ts';

/** Writes the merged image as a directory: with root everything, without root what is possible and an mtree file. */
export const dirSink: Sink = defineSink({
  name: 'dir',
  summary: 'Writes the merged image as a directory, safely.',
  extensions: ['/'],
  outputs: ['directory'],
  sidecars: [MTREE],
  takesRoom: 'contents',
  options: {},
  open: openSession,
});
