import type { Writable } from 'node:stream';
import type { Sink } from '@ocirender/interface';
import { abortable } from '@ocirender/sources';
import { loadSink } from '../load-sink.ts';
import type { ConvertReport } from '../report.ts';
import type { LayerData } from './layer-slot.ts';
import { StreamingPacker, type StreamingSettings } from './streaming-packer.ts';

/** A layer that has arrived, or begins to. */
export interface ArrivingLayer {
  /** Its place in the list of layers. */
  readonly index: number;
  /** Path or stream of its stored bytes. */
  readonly data: LayerData;
}

/**
 * Converts an image to a squashfs image while its layers arrive; needs the package `@ocirender/sink-squashfs`.
 *
 * @param arrivals - the layers, in any order; ends when all have come
 * @param output - path of the file
 * @param settings - metadata of the layers, and choices
 * @returns what was done
 * @throws {OcirenderError} as `convert()`; what `arrivals` throws
 */
export async function convertStreamToSquashfs(
  arrivals: AsyncIterable<ArrivingLayer>,
  output: string,
  settings: StreamingSettings,
): Promise<ConvertReport> {
  return convertStream(arrivals, await loadSink('squashfs'), output, settings);
}

/**
 * Converts an image to an ext4 filesystem while its layers arrive; needs the package `@ocirender/sink-ext4`.
 *
 * @param arrivals - the layers, in any order; ends when all have come
 * @param output - path of the file
 * @param settings - metadata of the layers, and choices
 * @returns what was done
 */
export async function convertStreamToExt4(
  arrivals: AsyncIterable<ArrivingLayer>,
  output: string,
  settings: StreamingSettings,
): Promise<ConvertReport> {
  return convertStream(arrivals, await loadSink('ext4'), output, settings);
}

/**
 * Converts an image to one tar archive while its layers arrive; needs the package `@ocirender/sink-tar`.
 *
 * @param arrivals - the layers, in any order; ends when all have come
 * @param output - path of the file, or a stream
 * @param settings - metadata of the layers, and choices
 * @returns what was done
 */
export async function convertStreamToTar(
  arrivals: AsyncIterable<ArrivingLayer>,
  output: string | Writable,
  settings: StreamingSettings,
): Promise<ConvertReport> {
  return convertStream(arrivals, await loadSink('tar'), output, settings);
}

/**
 * Converts an image to a directory while its layers arrive; needs the package `@ocirender/sink-dir`.
 *
 * @param arrivals - the layers, in any order; ends when all have come
 * @param output - path of the directory
 * @param settings - metadata of the layers, and choices
 * @returns what was done
 */
export async function convertStreamToDir(
  arrivals: AsyncIterable<ArrivingLayer>,
  output: string,
  settings: StreamingSettings,
): Promise<ConvertReport> {
  return convertStream(arrivals, await loadSink('dir'), output, settings);
}

async function convertStream(
  arrivals: AsyncIterable<ArrivingLayer>,
  sink: Sink,
  output: string | Writable,
  settings: StreamingSettings,
): Promise<ConvertReport> {
  const packer = new StreamingPacker({ ...settings, sink, output });
  try {
    // A conversion that has failed waits for no more layers.
    for await (const { index, data } of abortable(arrivals, packer.signal))
      packer.notifyLayerReady(index, data);
  } catch (error) {
    packer.notifyError(error);
  }
  return packer.finish();
}
