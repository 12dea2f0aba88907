import type { OptionSpec } from '@ocirender/interface';
import type { PluginOrigin } from '../plugins/catalog.ts';
import type { ListedSink, SinkListing } from './list-sinks.ts';

/**
 * Writes the list of sinks for people.
 *
 * @param listing - what is installed
 * @returns lines
 */
export function renderListing(listing: SinkListing): string[] {
  const blocks = listing.sinks.map(renderSink);
  if (blocks.length === 0) blocks.push(['No usable sink is installed.']);
  if (listing.broken.length > 0) {
    const lines = listing.broken.map(({ name, plugin, reason }) => {
      const what = name === undefined ? '' : `${name}  `;
      return `  ${what}from ${origin(plugin)}: ${reason}`;
    });
    blocks.push(['Not usable:', ...lines]);
  }
  return blocks.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

function origin({ name, version, bundled }: PluginOrigin): string {
  return `${name} ${version}`.trimEnd() + (bundled ? ' (bundled)' : '');
}

function renderSink(sink: ListedSink): string[] {
  const lines = [`${sink.name}  ${sink.summary}`, `  from ${origin(sink.plugin)}`];
  if (sink.extensions.length > 0) lines.push(`  for names that end in ${sink.extensions.join(', ')}`);
  const stream = sink.outputs.includes('stream') ? ['standard output (-o -)'] : [];
  const paths = sink.outputs.filter((kind) => kind === 'file' || kind === 'directory');
  lines.push(`  writes ${[...paths, ...stream].join(', ') || 'nothing'}`);
  const options = Object.entries(sink.options);
  const width = Math.max(0, ...options.map(([name, spec]) => usage(name, spec).length));
  for (const [name, spec] of options) {
    const fallback = spec.default === undefined ? '' : ` [default: ${spec.default}]`;
    lines.push(`  ${usage(name, spec).padEnd(width)}  ${spec.description}${fallback}`);
  }
  return lines;
}

function usage(name: string, spec: OptionSpec): string {
  const value =
    spec.type === 'choice' ? spec.choices.join('|') : (spec.placeholder ?? VALUE_WORDS[spec.type]);
  return `-O ${name}=${value}`;
}

const VALUE_WORDS: Readonly<Record<Exclude<OptionSpec['type'], 'choice'>, string>> = {
  boolean: 'true|false',
  integer: 'N',
  size: 'SIZE',
  string: 'TEXT',
};
