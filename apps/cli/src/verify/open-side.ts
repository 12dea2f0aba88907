import type { ImageSource } from '@ocirender/interface';
import { ThreadImage } from '@ocirender/sink-verify';
import { moduleUrl } from '../plugins/load-export.ts';
import type { ImageForm } from '../readers/find-form.ts';
import { loadReader } from '../readers/load-reader.ts';
import { type OpenSettings, openForm } from '../readers/open-image.ts';

/**
 * Opens one side of a comparison: in a thread of its own, but for OCI images, whose layers are hashed while they are
 * merged.
 *
 * @param form - what it is
 * @param settings - choices and limits
 * @returns the open image, to be closed
 */
export async function openSide(form: ImageForm, settings: OpenSettings): Promise<ImageSource | ThreadImage> {
  if (form.kind === 'oci') return openForm(form, settings);
  const { entry, path } = form;
  const { signal, threads = 1, strict = false, limits = {} } = settings;
  // Whether the plugin is usable at all is found out here, where that can be said well.
  await loadReader(entry);
  return ThreadImage.open(
    { module: moduleUrl(entry), export: entry.export, path, threads, strict, limits },
    signal === undefined ? {} : { signal },
  );
}
