import {
  type ByteString,
  type DirectoryInode,
  expandHoles,
  type ImageNode,
  type ImageReader,
  type Inode,
} from '@ocirender/interface';
import { SquashfsWriter, type SquashfsWriterOptions } from '../writer.ts';

/** Writes a new image with everything that an open one holds. */
export async function copyImage(
  reader: ImageReader,
  path: string,
  options: SquashfsWriterOptions,
): Promise<void> {
  const writer = new SquashfsWriter(path, options);
  try {
    const inodes = new Map<number, Inode>();
    const directories = new Map<ByteString, DirectoryInode>();
    for await (const { path: name, node } of reader.walk()) {
      const inode = inodes.get(node.id) ?? (await copyNode(reader, writer, name, node));
      inodes.set(node.id, inode);
      if (inode.type === 'directory') directories.set(name, inode);
      const cut = name.lastIndexOf('/');
      if (name !== '')
        directories.get(name.slice(0, Math.max(0, cut)))!.children.set(name.slice(cut + 1), inode);
    }
    await writer.finish({ root: directories.get('')! });
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}

async function copyNode(
  reader: ImageReader,
  writer: SquashfsWriter,
  path: ByteString,
  node: ImageNode,
): Promise<Inode> {
  const { mode, uid, gid, mtime, mtimeNs, xattrs, size, target, devMajor, devMinor } = node;
  const metadata = { mode, uid, gid, mtime, mtimeNs, xattrs };
  switch (node.type) {
    case 'directory':
      return { type: 'directory', children: new Map(), ...metadata };
    case 'file': {
      const content = expandHoles(reader.source.content(node));
      const ref =
        size === 0 ? undefined : await writer.write(content, { size, placement: { path, metadata } });
      return { type: 'file', size, content: ref, ...metadata };
    }
    case 'symlink':
      return { type: 'symlink', target, ...metadata };
    case 'block-device':
    case 'character-device':
      return { type: node.type, devMajor, devMinor, ...metadata };
    default:
      return { type: node.type, ...metadata };
  }
}
