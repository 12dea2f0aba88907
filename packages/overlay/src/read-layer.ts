import { isOcirenderError, type Layer } from '@ocirender/interface';
import { LayerStream, type LayerStreamOptions } from './layer-stream.ts';

/**
 * Opens a layer, lets `consume` read it, reads the rest, checks every digest and closes it.
 *
 * @param layer - the layer
 * @param options - limits and handlers
 * @param consume - pulls events; may stop early
 * @returns whether its tar is the one that its diff_id names; false also where there is none
 * @throws {OcirenderError} what `consume` threw, or the digest mismatch that explains it, with the layer's digest
 */
export async function readLayer(
  layer: Layer,
  options: LayerStreamOptions,
  consume: (stream: LayerStream) => Promise<void>,
): Promise<boolean> {
  const stream = new LayerStream(layer, options);
  try {
    await consume(stream);
    return await stream.finish();
  } catch (error) {
    throw concernsOutput(error) ? error : await stream.fail(error);
  } finally {
    await stream.close();
  }
}

/** Trouble with writing has nothing to do with the layer that was being read. */
export function concernsOutput(error: unknown): boolean {
  return (
    !isOcirenderError(error) ||
    error.code === 'ERR_OCIRENDER_IO' ||
    error.code.startsWith('ERR_OCIRENDER_SINK_')
  );
}
