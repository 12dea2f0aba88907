import { ImageReader, type ImageSource, TreeCounter, type TreeSummary } from '@ocirender/interface';

/**
 * Counts what an image holds.
 *
 * @param source - an open image
 * @returns the counts, as `summarizeTree` gives them of a tree
 */
export async function summarizeSource(source: ImageSource): Promise<TreeSummary> {
  const counter = new TreeCounter();
  const seen = new Set<number>();
  for await (const { node } of new ImageReader(source).walk()) {
    counter.add(node, seen.has(node.id));
    if (node.type !== 'directory') seen.add(node.id);
  }
  return counter.counts;
}
