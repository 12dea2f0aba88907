import type { CacheFlags } from '../cache/cache-flags.ts';
import type { PluginLike } from '../plugins/catalog.ts';
import { readReaderCatalog } from '../readers/catalog.ts';
import { findForm } from '../readers/find-form.ts';
import { openForm } from '../readers/open-image.ts';
import type { ReadFlags } from '../readers/read-flags.ts';
import { withReading } from '../readers/reading.ts';
import { printLines } from '../report/print-lines.ts';
import { inspectOci } from './inspect-oci.ts';
import type { Inspection } from './inspection.ts';
import { renderInspection } from './render-inspection.ts';
import { summarizeSource } from './summarize-source.ts';

/** What the command line says. */
export interface InspectRequest {
  readonly image: string;
  readonly flags: ReadFlags & CacheFlags;
  readonly json: boolean;
  readonly plugins: readonly PluginLike[];
}

/**
 * Finds out what an image is, and prints it.
 *
 * @param request - the parsed command line
 * @returns the same for `--json`
 * @throws {OcirenderError} usage errors, and whatever reading the image throws
 */
export function runInspect(request: InspectRequest): Promise<Inspection> {
  return withReading(request.flags, async ({ settings, progress }) => {
    const form = await findForm(request.image, readReaderCatalog(request.plugins));
    let inspection: Inspection;
    if (form.kind === 'oci') inspection = await inspectOci(request.image, form.reference, settings);
    else {
      const source = await openForm(form, settings);
      try {
        const { format, facts } = source;
        inspection = { image: request.image, format, facts, tree: await summarizeSource(source) };
      } finally {
        await source.close();
      }
    }
    progress.stop();
    if (!request.json) await printLines(renderInspection(inspection));
    return inspection;
  });
}
