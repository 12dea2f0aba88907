import { ImageSession } from '@ocirender/image-file';
import type { SinkContext, SinkSession } from '@ocirender/interface';
import type { Compression } from './compression.ts';
import { type ErofsSummary, ErofsWriter } from './writer.ts';

/**
 * Creates the image file, and the session that writes it.
 *
 * @param context - options are those of {@link erofsOptions}
 */
export function openSession(context: SinkContext): SinkSession {
  const { options } = context;
  return new ImageSession<ErofsSummary>(context, {
    format: 'EROFS',
    open: (path) =>
      new ErofsWriter(path, {
        blockSize: options['block-size'] as number,
        dedupe: options['dedupe'] as boolean,
        compression: options['compression'] as Compression,
        level: options['level'] as number | undefined,
        clusterSize: options['cluster-size'] as number,
        threads: context.threads,
        label: options['label'] as string | undefined,
        uuid: options['uuid'] as string | undefined,
        seed: context.seed,
        // 0 is what the host says when nobody has asked for a time.
        time: context.sourceDateEpoch === 0 ? undefined : context.sourceDateEpoch,
        diagnose: context.diagnose,
      }),
    report: ({ bytesWritten, ...details }) => ({ bytesWritten, details }),
  });
}
