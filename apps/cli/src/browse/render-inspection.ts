import { treeFacts } from '../report/summary.ts';
import { formatBytes } from '../report/units.ts';
import type { Inspection, OciFacts, RunConfig } from './inspection.ts';

/**
 * Writes an inspection for people.
 *
 * @param inspection - what was found
 * @returns lines
 */
export function* renderInspection(inspection: Inspection): Generator<string> {
  const { image, format, oci, facts, tree } = inspection;
  yield row('image', image);
  yield row('format', format);
  if (oci !== undefined) yield* renderOci(oci);
  for (const [name, value] of Object.entries(facts ?? {})) yield row(words(name), String(value));
  yield row('contents', [`${tree.entries} names`, ...treeFacts(tree)].join(', '));
}

function* renderOci({
  manifestDigest,
  configDigest,
  platform,
  created,
  config,
  layers,
}: OciFacts): Generator<string> {
  if (manifestDigest !== undefined) yield row('manifest', manifestDigest);
  if (configDigest !== undefined) yield row('config', configDigest);
  if (platform !== undefined) yield row('platform', platform);
  if (created !== undefined) yield row('created', created);
  if (config !== undefined) yield* renderConfig(config);
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  yield row('layers', `${layers.length}, ${formatBytes(total)} stored`);
  for (const [index, { digest, mediaType, size, tarBytes, entries, whiteouts }] of layers.entries()) {
    yield `  ${index + 1}  ${digest}`;
    const facts = [
      mediaType ?? 'no media type',
      `${formatBytes(size)} stored`,
      `${formatBytes(tarBytes)} unpacked`,
      `${entries} entries`,
      `${whiteouts} whiteouts`,
    ];
    yield `     ${facts.join(', ')}`;
  }
}

function* renderConfig(config: RunConfig): Generator<string> {
  for (const [name, value] of Object.entries(config) as [string, RunConfig[keyof RunConfig]][]) {
    if (typeof value === 'string') yield row(words(name), value);
    else if (name === 'entrypoint' || name === 'cmd') yield row(words(name), JSON.stringify(value));
    else if (Array.isArray(value)) for (const item of value) yield row(words(name), item as string);
    else for (const [key, text] of Object.entries(value ?? {})) yield row(words(name), `${key}=${text}`);
  }
}

function row(name: string, value: string): string {
  return `${name.padEnd(16)} ${value}`;
}

/** `blockSize` as `block size`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
