import type { CacheReport, ConvertReport } from '@ocirender/core';
import type { TreeSummary } from '@ocirender/interface';
import { formatBytes, formatDuration } from './units.ts';

/**
 * Writes what a conversion did, for people.
 *
 * @param report - a conversion's report
 * @param verbose - also the sink's own facts and the times of all phases
 * @returns lines for standard error
 */
export function summaryLines(report: ConvertReport, verbose: boolean): string[] {
  const writesNothing = report.output === undefined && report.bytesOut === 0;
  const lines = [
    `${report.reference} → ${report.output ?? (writesNothing ? 'nothing' : 'standard output')} (${report.sink})`,
  ];
  const row = (name: string, ...facts: (string | undefined)[]): void => {
    const known = facts.filter((fact) => fact !== undefined && fact !== '');
    if (known.length > 0) lines.push(`  ${name.padEnd(8)} ${known.join(', ')}`);
  };
  row('image', report.manifestDigest, platformName(report.platform));
  const tarBytes = report.layers.reduce((sum, layer) => sum + layer.tarBytes, 0);
  row(
    'layers',
    String(report.layers.length),
    `${formatBytes(report.bytesIn)} read`,
    `${formatBytes(tarBytes)} unpacked`,
  );
  if (report.cache !== undefined) row('cache', ...cacheFacts(report.cache));
  row('tree', ...treeFacts(report.tree));
  if (!writesNothing) row('output', formatBytes(report.bytesOut), ratio(report));
  row('time', formatDuration(report.timings.total), ...(verbose ? phases(report.timings) : []));
  if (verbose) {
    for (const [name, value] of Object.entries(report.details)) row('', `${name}: ${value}`);
  }
  const counts = Object.entries(report.diagnosticCounts).sort(([a], [b]) => (a < b ? -1 : 1));
  if (counts.length > 0) {
    row('notes', ...counts.map(([code, count]) => `${count} ${code}`));
    if (!verbose) lines.push('           (--verbose lists them)');
  }
  if (report.rereadBytes > 0) row('reread', `${formatBytes(report.rereadBytes)} of contents`);
  return [...lines, ...warningLines(report)];
}

/**
 * Writes what somebody should know of a conversion who wants to know nothing else.
 *
 * @param report - a conversion's report
 * @returns lines for standard error
 */
export function warningLines({ wastedBytes }: ConvertReport): string[] {
  if (wastedBytes === 0) return [];
  return [`Warning: the output holds ${formatBytes(wastedBytes)} of contents that no file uses.`];
}

function cacheFacts({ layers, bytesNotRead, bytesNotDownloaded }: CacheReport): string[] {
  const saved = bytesNotDownloaded > 0 ? 'downloaded' : 'read';
  return [
    `${layers} ${layers === 1 ? 'layer' : 'layers'} from it`,
    ...(layers > 0 ? [`${formatBytes(bytesNotRead)} not ${saved}`] : []),
  ];
}

function platformName(platform: ConvertReport['platform']): string | undefined {
  if (platform === undefined) return undefined;
  const { os, architecture, variant } = platform;
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
}

/**
 * Writes what a tree holds, but for what it holds none of.
 *
 * @param tree - the counts
 * @returns for example `5 files`, `1 directory`, `4.5 MB of contents`
 */
export function treeFacts(tree: TreeSummary): string[] {
  const kinds: [number, string, string][] = [
    [tree.files, 'file', 'files'],
    [tree.directories, 'directory', 'directories'],
    [tree.symlinks, 'symlink', 'symlinks'],
    [tree.hardLinks, 'further hard link', 'further hard links'],
    [tree.devices, 'device', 'devices'],
    [tree.fifos, 'FIFO', 'FIFOs'],
    [tree.sockets, 'socket', 'sockets'],
  ];
  const facts = kinds.flatMap(([count, one, many]) =>
    count > 0 ? [`${count} ${count === 1 ? one : many}`] : [],
  );
  return [...facts, `${formatBytes(tree.bytes)} of contents`];
}

function ratio({ bytesOut, layers }: ConvertReport): string | undefined {
  const stored = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (stored === 0 || bytesOut === 0) return undefined;
  return `${((bytesOut / stored) * 100).toFixed(1)} % of the stored layers`;
}

function phases(timings: ConvertReport['timings']): string[] {
  return Object.entries(timings).flatMap(([phase, milliseconds]) =>
    phase === 'total' || milliseconds === 0 ? [] : [`${phase} ${formatDuration(milliseconds)}`],
  );
}
