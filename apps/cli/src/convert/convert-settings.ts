import type { ConvertSettings } from '@ocirender/core';
import { OcirenderError } from '@ocirender/interface';
import type { ConvertFlags } from './convert-flags.ts';
import { SOURCE_LIMIT_FLAGS } from './limit-flags.ts';
import { readLimits } from './limit-values.ts';
import { mergeSettings } from './merge-settings.ts';
import { parseSinkOptions } from './sink-options.ts';

/**
 * Translates the command line into the settings of a conversion.
 *
 * @param flags - parsed flags
 * @returns everything but image, sink, output, signal and listeners
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for values that cannot be
 */
export function convertSettings(flags: ConvertFlags): ConvertSettings {
  return {
    sinkOptions: parseSinkOptions(flags.option ?? [], flags.mksquashfs, {
      size: flags.size,
      label: flags.label,
      uuid: flags.uuid,
    }),
    force: flags.force,
    replaceDirectory: flags['replace-directory'],
    inputs: [flags['ca-cert'], flags['client-cert'], flags['client-key'], flags['shared-blobs']]
      .flat()
      .filter((path) => path !== undefined),
    planFirst: flags['plan-first'],
    ...mergeSettings(flags),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
    ...(flags['config-out'] === undefined ? {} : { configOutput: flags['config-out'] }),
    source: {
      limits: readLimits(flags, SOURCE_LIMIT_FLAGS),
      ...(flags['shared-blobs'] === undefined ? {} : { sharedBlobs: flags['shared-blobs'] }),
      ...(flags.spool === undefined ? {} : { spool: flags.spool }),
      ...(flags.concurrency === undefined ? {} : { concurrency: flags.concurrency }),
    },
  };
}

/**
 * Gives the image that is to be converted.
 *
 * @param argument - the positional IMAGE
 * @param flag - `--image`
 * @returns whichever was given
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when neither or both were
 */
export function imageReference(argument: string | undefined, flag: string | undefined): string {
  if (argument !== undefined && flag !== undefined) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      'the image is given twice: as an argument and with --image',
    );
  }
  const image = argument ?? flag;
  if (image !== undefined && image !== '') return image;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', 'which image? The argument IMAGE is missing', {
    hint: 'Give an OCI layout (DIR, DIR:TAG), an archive (FILE, FILE:NAME), - for standard input, or docker://NAME.',
  });
}
