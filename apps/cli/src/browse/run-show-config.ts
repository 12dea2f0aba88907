import { OcirenderError } from '@ocirender/interface';
import { readReaderCatalog } from '../readers/catalog.ts';
import { findForm } from '../readers/find-form.ts';
import { withReading } from '../readers/reading.ts';
import { printBytes } from '../report/print-bytes.ts';
import { openOci } from './open-oci.ts';
import type { InspectRequest } from './run-inspect.ts';

/**
 * Prints the config of an OCI image as it is stored; reads no layer.
 *
 * @param request - the parsed command line
 * @returns the config for `--json`
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what is no OCI image, `ERR_OCIRENDER_NOT_FOUND` when it has no config, and
 * whatever opening the image throws
 */
export function runShowConfig({ image: spec, flags, json, plugins }: InspectRequest): Promise<unknown> {
  return withReading(flags, async ({ settings, progress }) => {
    const form = await findForm(spec, readReaderCatalog(plugins));
    if (form.kind !== 'oci') {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `${spec} has no config: it is no OCI image`, {
        hint: 'Leave --config out.',
      });
    }
    const image = await openOci(form.reference, settings);
    try {
      if (image.config === undefined)
        throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${spec} has no image config`);
      progress.stop();
      if (!json) await printBytes([image.config.bytes]);
      return image.config.json;
    } finally {
      await image.close?.();
    }
  });
}
