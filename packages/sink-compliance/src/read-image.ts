import { createHash } from 'node:crypto';
import { type ContentChunk, expandHoles, type ImageNode, type ImageReader } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from './read-tree.ts';

/**
 * Reads all that an open image holds, as the facts that the suite compares: for a format that has a reader.
 *
 * @param image - an open image, which stays open
 * @returns names with metadata and hashes of contents
 * @throws {Error} when contents are not as long as their nodes say, come twice, or have not the hash of their nodes
 */
export async function readImage(image: ImageReader): Promise<ReadTree> {
  const nodes = new Map<string, ImageNode>();
  const files = new Map<number, ImageNode>();
  for await (const { path, node } of image.walk()) {
    nodes.set(path, node);
    if (node.type === 'file') files.set(node.id, node);
  }
  const digests = new Map<number, string>();
  for await (const { node, content } of image.source.contents(files.values())) {
    if (digests.has(node.id)) throw new Error(`the contents of node ${node.id} came twice`);
    const digest = await sha256(content, node.size);
    if (node.sha256 !== undefined && node.sha256 !== digest) throw new Error('the digest is wrong');
    digests.set(node.id, digest);
  }
  return new Map([...nodes].map(([path, node]) => [path, readEntry(node, digests.get(node.id))]));
}

async function sha256(content: AsyncIterable<ContentChunk>, size: number): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of expandHoles(content)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (bytes !== size) throw new Error(`${bytes} bytes came instead of ${size}`);
  return hash.digest('hex');
}

function readEntry(node: ImageNode, digest: string | undefined): ReadEntry {
  const { type, mode, uid, gid, mtime, mtimeNs, xattrs, links } = node;
  const isDevice = type === 'character-device' || type === 'block-device';
  return {
    type,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    xattrs,
    inode: node.id,
    ...(links === undefined ? {} : { links }),
    ...(type === 'file' ? { size: node.size, sha256: digest ?? 'none came' } : {}),
    ...(type === 'symlink' ? { target: node.target } : {}),
    ...(isDevice ? { devMajor: node.devMajor, devMinor: node.devMinor } : {}),
  };
}
