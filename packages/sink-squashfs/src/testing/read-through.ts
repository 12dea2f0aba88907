import type { ImageNode, ImageReader } from '@ocirender/interface';

/** What {@link readThrough} met. */
export interface ReadThrough {
  readonly names: number;
  readonly bytes: number;
}

/** Reads everything of an open image in every way there is; holes are counted, not expanded. */
export async function readThrough(reader: ImageReader): Promise<ReadThrough> {
  const files = new Map<number, ImageNode>();
  let names = 0;
  let bytes = 0;
  for await (const { path, node } of reader.walk()) {
    names++;
    if (node.type === 'file') files.set(node.id, node);
    if (names % 7 === 0) await reader.stat(path);
  }
  for await (const { node, content } of reader.source.contents(files.values())) {
    let size = 0;
    for await (const chunk of content) size += 'hole' in chunk ? chunk.hole : chunk.length;
    if (size !== node.size) throw new Error(`a file of ${node.size} bytes gave ${size}`);
    bytes += size;
  }
  return { names, bytes };
}
