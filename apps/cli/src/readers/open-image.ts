import { type OpenMergedOptions, openMergedImage } from '@ocirender/core';
import type { ImageSource } from '@ocirender/interface';
import { openImage } from '@ocirender/oci-layout';
import type { ReaderCatalog } from './catalog.ts';
import { findForm, type ImageForm } from './find-form.ts';
import { loadReader } from './load-reader.ts';

/** How images are opened. */
export interface OpenSettings extends OpenMergedOptions {
  /** `os/arch[/variant]`, for OCI images. */
  readonly platform?: string;
  /** Threads that a reader may use. @defaultValue 1 */
  readonly threads?: number;
}

/**
 * Opens an image of any form in this thread.
 *
 * @param form - from {@link findForm}
 * @param settings - choices and limits
 * @returns the image, to be closed
 */
export async function openForm(form: ImageForm, settings: OpenSettings): Promise<ImageSource> {
  const { platform, threads = 1, signal, onDiagnostic } = settings;
  if (form.kind === 'reader') {
    const reader = await loadReader(form.entry);
    return reader.open(form.path, { threads, ...(signal === undefined ? {} : { signal }) });
  }
  const image = await openImage(form.reference, {
    ...(platform === undefined ? {} : { platform }),
    ...(signal === undefined ? {} : { signal }),
    ...(onDiagnostic === undefined ? {} : { diagnose: onDiagnostic }),
  });
  return openMergedImage(image, settings);
}

/**
 * Opens an image by what the user wrote.
 *
 * @param spec - a file, a directory, an OCI reference, with or without prefix
 * @param catalog - the readers that are installed
 * @param settings - choices and limits
 * @returns the image, to be closed
 */
export async function openSpec(
  spec: string,
  catalog: ReaderCatalog,
  settings: OpenSettings,
): Promise<ImageSource> {
  return openForm(await findForm(spec, catalog), settings);
}
