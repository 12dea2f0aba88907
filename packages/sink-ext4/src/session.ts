import { ImageSession } from '@ocirender/image-file';
import type { SinkContext, SinkSession } from '@ocirender/interface';
import { writerOptions } from './options.ts';
import { type Ext4Summary, Ext4Writer } from './writer.ts';

/**
 * Creates the file, and the session that writes it.
 *
 * @param context - options are those of {@link ext4Options}
 */
export function openSession(context: SinkContext): SinkSession {
  return new ImageSession<Ext4Summary>(context, {
    format: 'ext4',
    open: (path) =>
      new Ext4Writer(path, {
        ...writerOptions(context.options),
        seed: context.seed,
        time: context.sourceDateEpoch,
        lenient: context.lenient,
        diagnose: context.diagnose,
      }),
    report: ({ bytesWritten, ...details }) => ({ bytesWritten, details }),
  });
}
