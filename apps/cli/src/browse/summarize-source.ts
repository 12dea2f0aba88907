import { ImageReader, type ImageSource, type TreeSummary } from '@ocirender/interface';

const COUNTERS = {
  directory: 'directories',
  file: 'files',
  symlink: 'symlinks',
  'character-device': 'devices',
  'block-device': 'devices',
  fifo: 'fifos',
  socket: 'sockets',
} as const;

/**
 * Counts what an image holds.
 *
 * @param source - an open image
 * @returns the counts, as `summarizeTree` gives them of a tree
 */
export async function summarizeSource(source: ImageSource): Promise<TreeSummary> {
  const counts = {
    entries: 0,
    directories: 0,
    files: 0,
    symlinks: 0,
    devices: 0,
    fifos: 0,
    sockets: 0,
    hardLinks: 0,
    bytes: 0,
  };
  const seen = new Set<number>();
  for await (const { node } of new ImageReader(source).walk()) {
    counts.entries++;
    if (node.type !== 'directory') {
      if (seen.has(node.id)) {
        counts.hardLinks++;
        continue;
      }
      seen.add(node.id);
    }
    counts[COUNTERS[node.type]]++;
    if (node.type === 'file') counts.bytes += node.size;
  }
  return counts;
}
