import { ImageSession } from '@ocirender/image-file';
import type { SinkContext, SinkSession } from '@ocirender/interface';
import type { Compression } from './compression.ts';
import { type SquashfsSummary, SquashfsWriter } from './writer.ts';

/**
 * Creates the image file, and the session that writes it in this process.
 *
 * @param context - options are those of {@link squashfsOptions}
 */
export function openInProcess(context: SinkContext): SinkSession {
  const { options } = context;
  const compression = options['compression'] as Compression;
  return new ImageSession<SquashfsSummary>(context, {
    format: 'squashfs',
    open: (path) =>
      new SquashfsWriter(path, {
        compression,
        level: options['level'] as number | undefined,
        blockSize: options['block-size'] as number,
        fragments: options['fragments'] as boolean,
        tailPacking: options['tail-packing'] as boolean,
        dedupe: options['dedupe'] as boolean,
        exports: options['exports'] as boolean,
        threads: context.threads,
        time: context.sourceDateEpoch,
        diagnose: context.diagnose,
      }),
    report: ({ bytesWritten, ...counts }) => ({ bytesWritten, details: { compression, ...counts } }),
  });
}
