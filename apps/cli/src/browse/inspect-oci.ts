import { convert } from '@ocirender/core';
import { defineSink, type Image, type Sink, type SinkSession } from '@ocirender/interface';
import { formatPlatform } from '@ocirender/oci-layout';
import type { OpenSettings } from '../readers/open-image.ts';
import type { Inspection } from './inspection.ts';
import { openOci } from './open-oci.ts';
import { configText, readRunConfig } from './run-config.ts';

/** Reads all layers and keeps nothing. */
const COUNTING_SINK: Sink = defineSink({
  name: 'inspect',
  summary: 'Writes nothing.',
  extensions: [],
  outputs: ['none'],
  options: {},
  open: () => Promise.resolve(COUNTING_SESSION),
});

const COUNTING_SESSION: SinkSession = {
  placement: 'any',
  ignoresContents: true,
  write: () => 0,
  finish: () => Promise.resolve({ bytesWritten: 0, details: {} }),
  abort: () => Promise.resolve(),
};

/**
 * Inspects an OCI image: merges it, for nothing else tells how many entries and whiteouts its layers have.
 *
 * @param spec - as the user wrote it
 * @param reference - how `openSource` knows it
 * @param settings - choices and limits
 */
export async function inspectOci(
  spec: string,
  reference: string,
  settings: OpenSettings,
): Promise<Inspection> {
  const image = await openOci(reference, settings);
  try {
    return await inspect(spec, image, settings);
  } finally {
    await image.close?.();
  }
}

async function inspect(spec: string, image: Image, settings: OpenSettings): Promise<Inspection> {
  const report = await convert({ ...settings, image, sink: COUNTING_SINK });
  const { manifestDigest, config } = image;
  const run = readRunConfig(config?.json);
  const created = configText(config?.json, 'created');
  return {
    image: spec,
    format: 'oci',
    oci: {
      ...(manifestDigest === undefined ? {} : { manifestDigest }),
      ...(config === undefined ? {} : { configDigest: config.digest }),
      ...(image.platform === undefined ? {} : { platform: formatPlatform(image.platform) }),
      ...(created === undefined ? {} : { created }),
      ...(run === undefined ? {} : { config: run }),
      layers: report.layers.map(({ milliseconds: _milliseconds, ...layer }) => layer),
    },
    tree: report.tree,
  };
}
