import type { Readable } from 'node:stream';
import {
  type DiagnosticHandler,
  type Image,
  isOcirenderError,
  OcirenderError,
  type Platform,
  throwIfAborted,
} from '@ocirender/interface';
import {
  type ImageForm,
  type ImageReference,
  type LayoutLimits,
  type ListedImage,
  listImages,
  listImagesIn,
  openImage,
  openImageIn,
} from '@ocirender/oci-layout';
import type { RegistryOptions } from '@ocirender/registry';
import { abortable } from './abortable.ts';
import type { ArchiveLimits } from './limits.ts';
import { type OpenArchive, openArchiveFile, openArchiveStream } from './open-archive.ts';
import { openEngineImage } from './open-engine.ts';
import { openOverlay2 } from './open-overlay2.ts';
import { parseSource, SOURCE_FORMS } from './parse-source.ts';
import { prefetchLayers } from './prefetch.ts';

/** How an image is opened. */
export interface OpenSourceOptions {
  /** `linux/arm64`, or the same taken apart. @defaultValue the host's architecture on linux */
  readonly platform?: string | Platform;
  readonly signal?: AbortSignal;
  readonly diagnose?: DiagnosticHandler;
  /** Directory for temporary files, which are unlinked at once. @defaultValue the system's temporary directory */
  readonly spool?: string;
  /** Limits against hostile input. */
  readonly limits?: Partial<LayoutLimits & ArchiveLimits>;
  /** Directory in which OCI layouts share blobs, as `ALGORITHM/DIGITS`. @defaultValue the layout's own `blobs` */
  readonly sharedBlobs?: string;
  /** Where engines (Docker, Podman) are looked for. @defaultValue process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How to talk to registries. */
  readonly registry?: Omit<RegistryOptions, 'signal'>;
  /** How many layers of a registry's image arrive at the same time. @defaultValue 3 */
  readonly concurrency?: number;
  /** Is told of the bytes of a registry's layers as they arrive: those of layer `index` (0 for the oldest). */
  readonly onArrived?: (index: number, bytes: number) => void;
  /** What `-` reads. @defaultValue the process's standard input */
  readonly stdin?: Readable;
}

/**
 * Opens an image wherever it is.
 *
 * @param text - see {@link parseSource}
 * @param options - platform, signal, directory for temporary files
 * @returns the image; `close` it, where it has that method
 * @throws {OcirenderError} as `openImage` of `@ocirender/oci-layout`, and what archives and registries add
 */
export async function openSource(text: string, options: OpenSourceOptions = {}): Promise<Image> {
  throwIfAborted(options.signal);
  const source = parseSource(text);
  switch (source.kind) {
    case 'directory':
      return openImage(source.form === 'docker-dir' ? source.reference.directory : text, {
        ...options,
        ...(source.form === undefined ? {} : { form: source.form }),
      });
    case 'archive':
      return openIn(await openArchiveFile(source.reference.directory, options), text, source, options);
    case 'stdin':
      return openIn(await openStdin(options), text, { reference: { directory: text } }, options);
    case 'engine':
      return openIn(
        await openEngineImage(source.engine, source.name, options),
        text,
        { reference: { directory: text } },
        options,
      );
    case 'overlay2':
      return openOverlay2(source.directory);
    case 'registry':
      return openRegistry(source.reference, source.guessed, options);
  }
}

/** Opens an image of an archive; whatever happens to it, the archive is closed. */
async function openIn(
  archive: OpenArchive,
  text: string,
  source: { readonly reference: ImageReference; readonly form?: ImageForm },
  options: OpenSourceOptions,
): Promise<Image> {
  const { tag, digest } = source.reference;
  try {
    const image = await openImageIn(
      archive.files,
      { text, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) },
      { ...options, ...(source.form === undefined ? {} : { form: source.form }) },
    );
    return { ...image, close: () => archive.close() };
  } catch (error) {
    await archive.close();
    throw error;
  }
}

async function openStdin(options: OpenSourceOptions): Promise<OpenArchive> {
  const stdin: Readable & { readonly isTTY?: boolean } = options.stdin ?? process.stdin;
  if (stdin.isTTY === true) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'the image "-" is standard input, which is a terminal', {
      hint: 'Pipe an archive in: docker save NAME | ocirender convert - …',
    });
  }
  const { signal } = options;
  // A pipe that nobody writes to any more must not keep the process.
  const source = signal === undefined ? stdin : abortable<Uint8Array>(stdin, signal);
  return openArchiveStream(source, 'standard input', options);
}

async function openRegistry(reference: string, guessed: boolean, options: OpenSourceOptions): Promise<Image> {
  const { platform, signal } = options;
  // Loaded here: who reads local images needs no HTTP client.
  const { openRegistryImage } = await import('@ocirender/registry');
  try {
    // The prefix says that the name means what it says.
    const image = await openRegistryImage(guessed ? reference : `docker://${reference}`, {
      ...options.registry,
      limits: { ...options.limits, ...options.registry?.limits },
      ...(options.diagnose === undefined ? {} : { diagnose: options.diagnose }),
      ...(platform === undefined ? {} : { platform }),
      ...(signal === undefined ? {} : { signal }),
    });
    return prefetchLayers(image, options);
  } catch (error) {
    if (!guessed || !isOcirenderError(error) || error.code === 'ERR_OCIRENDER_ABORTED') throw error;
    // Who meant a file must not be left with the failure of a network.
    throw new OcirenderError(
      error.code,
      `there is no file or directory ${reference}, and as the name of an image in a registry: ${error.message}`,
      { cause: error, hint: error.hint ?? SOURCE_FORMS },
    );
  }
}

/**
 * Lists the images of a directory or an archive, as `listImages` of `@ocirender/oci-layout` does.
 *
 * @param path - an OCI layout or a `docker save`, as a directory or a tar, also compressed
 * @param options - signal, directory for temporary files, limits
 * @returns images in document order
 */
export async function listSourceImages(
  path: string,
  options: Omit<OpenSourceOptions, 'platform' | 'stdin'> = {},
): Promise<ListedImage[]> {
  const source = parseSource(path);
  if (source.kind === 'directory') return listImages(source.reference.directory, options);
  if (source.kind !== 'archive') {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${path} is neither a directory nor an archive of images`,
    );
  }
  const archive = await openArchiveFile(source.reference.directory, options);
  try {
    return await listImagesIn(archive.files, {
      ...options,
      ...(source.form === undefined ? {} : { form: source.form }),
    });
  } finally {
    await archive.close();
  }
}
