import { type OpenMergedOptions, openMergedImage } from '@ocirender/core';
import type { ImageSource } from '@ocirender/interface';
import { type OpenSourceOptions, openSource } from '@ocirender/sources';
import type { ReaderCatalog } from './catalog.ts';
import { findForm, type ImageForm } from './find-form.ts';
import { loadReader } from './load-reader.ts';

/** How images are opened. */
export interface OpenSettings extends OpenMergedOptions {
  /** `os/arch[/variant]`, for OCI images. */
  readonly platform?: string;
  /** Threads that a reader may use. @defaultValue 1 */
  readonly threads?: number;
  /** Refuse what the kernel would not read. @defaultValue false */
  readonly strict?: boolean;
  /** How images are opened that are elsewhere. */
  readonly source?: Pick<OpenSourceOptions, 'spool' | 'sharedBlobs' | 'registry' | 'limits'>;
}

/**
 * Opens an image of any form in this thread.
 *
 * @param form - from {@link findForm}
 * @param settings - choices and limits
 * @returns the image, to be closed
 */
export async function openForm(form: ImageForm, settings: OpenSettings): Promise<ImageSource> {
  const { platform, threads = 1, strict = false, signal, onDiagnostic } = settings;
  if (form.kind === 'reader') {
    const reader = await loadReader(form.entry);
    return reader.open(form.path, { threads, strict, ...(signal === undefined ? {} : { signal }) });
  }
  const image = await openSource(form.reference, {
    ...settings.source,
    ...(platform === undefined ? {} : { platform }),
    ...(signal === undefined ? {} : { signal }),
    ...(onDiagnostic === undefined ? {} : { diagnose: onDiagnostic }),
  });
  try {
    return await openMergedImage(image, settings);
  } catch (error) {
    await image.close?.();
    throw error;
  }
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
