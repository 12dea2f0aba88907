import { isSink, OcirenderError, type Sink } from '@ocirender/interface';

/**
 * Loads the sink of a package of ours. They are optional peers: whoever writes only tar need not install a compressor.
 *
 * @param name - `squashfs` for `@ocirender/sink-squashfs`
 * @throws {OcirenderError} `ERR_OCIRENDER_UNKNOWN_SINK` when it is not installed
 */
export async function loadSink(name: string): Promise<Sink> {
  const specifier = `@ocirender/sink-${name}`;
  let module: Record<string, unknown>;
  try {
    module = (await import(specifier)) as Record<string, unknown>;
  } catch (error) {
    throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `the package ${specifier} cannot be loaded`, {
      cause: error,
      hint: `Install it: npm install ${specifier}`,
    });
  }
  const sink = module[`${name}Sink`];
  if (isSink(sink)) return sink;
  throw new OcirenderError(
    'ERR_OCIRENDER_UNKNOWN_SINK',
    `the package ${specifier} gives no sink of this version`,
  );
}
