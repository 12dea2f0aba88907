import { type Metadata, OcirenderError, type OptionValues, type SinkContext } from '@ocirender/interface';

/**
 * Says our options in the words of mksquashfs 4.6.
 *
 * @param context - the sink's options, threads and time
 * @param output - path of the image
 * @param root - metadata of the root directory, which mksquashfs does not take from a tar
 * @returns the program's arguments
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` for a level that mksquashfs does not have
 */
export function mksquashfsArguments(context: SinkContext, output: string, root: Metadata): string[] {
  const { options, threads, sourceDateEpoch = 0 } = context;
  const args = ['-', output, '-tar', '-noappend', '-no-progress', '-quiet', '-xattrs'];
  args.push('-b', String(options['block-size']), '-processors', String(threads));
  args.push(
    '-root-mode',
    root.mode.toString(8),
    '-root-uid',
    String(root.uid),
    '-root-gid',
    String(root.gid),
  );
  args.push('-root-time', String(root.mtime), '-mkfs-time', String(sourceDateEpoch));
  args.push(...compressionArguments(options));
  if (options['fragments'] === false) args.push('-no-fragments');
  if (options['tail-packing'] === true) args.push('-always-use-fragments');
  if (options['dedupe'] === false) args.push('-no-duplicates');
  args.push(options['exports'] === false ? '-no-exports' : '-exports');
  return args;
}

function compressionArguments(options: OptionValues): string[] {
  const compression = options['compression'] as string;
  const level = options['level'] as number | undefined;
  if (level !== undefined && ['none', 'xz', 'lz4', 'lz4hc'].includes(compression)) {
    throw new OcirenderError(
      'ERR_OCIRENDER_INVALID_OPTION',
      `mksquashfs has no levels for compression "${compression}"`,
      { hint: 'Leave the option "level" out.' },
    );
  }
  switch (compression) {
    case 'none':
      return ['-comp', 'gzip', '-noI', '-noId', '-noD', '-noF', '-noX'];
    case 'xz':
      return ['-comp', 'xz'];
    case 'lz4':
      return ['-comp', 'lz4'];
    case 'lz4hc':
      return ['-comp', 'lz4', '-Xhc'];
    case 'zstd':
      return ['-comp', 'zstd', '-Xcompression-level', String(level ?? 3)];
    default:
      return ['-comp', compression, ...(level === undefined ? [] : ['-Xcompression-level', String(level)])];
  }
}
