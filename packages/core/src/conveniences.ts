import type { Writable } from 'node:stream';
import type { Image } from '@ocirender/interface';
import { convert } from './convert.ts';
import { loadSink } from './load-sink.ts';
import type { ConvertSettings } from './options.ts';
import type { ConvertReport } from './report.ts';

/**
 * Converts an image to a squashfs image; needs the package `@ocirender/sink-squashfs`.
 *
 * @param image - a reference or an opened image
 * @param output - path of the file
 * @param settings - see {@link ConvertSettings}
 * @returns what was done
 */
export async function convertToSquashfs(
  image: string | Image,
  output: string,
  settings: ConvertSettings = {},
): Promise<ConvertReport> {
  return convert({ ...settings, image, output, sink: await loadSink('squashfs') });
}

/**
 * Converts an image to one tar archive; needs the package `@ocirender/sink-tar`.
 *
 * @param image - a reference or an opened image
 * @param output - path of the file, or a stream
 * @param settings - see {@link ConvertSettings}
 * @returns what was done
 */
export async function convertToTar(
  image: string | Image,
  output: string | Writable,
  settings: ConvertSettings = {},
): Promise<ConvertReport> {
  return convert({ ...settings, image, output, sink: await loadSink('tar') });
}

/**
 * Converts an image to a directory; needs the package `@ocirender/sink-dir`.
 *
 * @param image - a reference or an opened image
 * @param output - path of the directory
 * @param settings - see {@link ConvertSettings}
 * @returns what was done
 */
export async function convertToDir(
  image: string | Image,
  output: string,
  settings: ConvertSettings = {},
): Promise<ConvertReport> {
  return convert({ ...settings, image, output, sink: await loadSink('dir') });
}

/**
 * Converts an image to an ext4 filesystem; needs the package `@ocirender/sink-ext4`.
 *
 * @param image - a reference or an opened image
 * @param output - path of the file
 * @param settings - see {@link ConvertSettings}
 * @returns what was done
 */
export async function convertToExt4(
  image: string | Image,
  output: string,
  settings: ConvertSettings = {},
): Promise<ConvertReport> {
  return convert({ ...settings, image, output, sink: await loadSink('ext4') });
}
