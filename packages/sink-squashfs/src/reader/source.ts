import {
  type ByteString,
  type ContentChunk,
  FormatError,
  type ImageNode,
  type ImageSource,
  LimitError,
  NO_XATTRS,
  type NodeContent,
  OcirenderError,
  type ReadOptions,
  type Xattrs,
} from '@ocirender/interface';
import { INODE_TYPE, MAX_TIME } from '../format.ts';
import { type ContentTables, readContent, readContents } from './content-reader.ts';
import { checkComponent, type ListedEntry, ListingReader, seekName } from './directory-reader.ts';
import type { InodeReader } from './inode-reader.ts';
import { MAX_DIRECTORY_MEMORY } from './limits.ts';
import { ListingGuard } from './listing-guard.ts';
import type { MetadataReader } from './metadata-reader.ts';
import { type DirectoryPlace, SquashfsNode } from './node.ts';
import { xattrBytes } from './xattr-reader.ts';

/** Memory in bytes that a name takes besides its characters, roughly. */
const NAME_COST = 256;

/** Everything that an open image consists of. */
export interface SourceParts extends ContentTables {
  readonly facts: ImageSource['facts'];
  readonly directories: MetadataReader;
  readonly inodeReader: InodeReader;
  readonly root: SquashfsNode;
}

/** An open squashfs image. */
export class SquashfsSource implements ImageSource {
  readonly format = 'squashfs';
  readonly facts: ImageSource['facts'];
  readonly times: ImageSource['times'] = { stepNs: 1_000_000_000, minimum: 0, maximum: MAX_TIME };
  readonly randomAccess = true;
  readonly root: ImageNode;
  readonly #parts: SourceParts;
  readonly #guard: ListingGuard;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.facts = parts.facts;
    this.root = parts.root;
    this.#guard = new ListingGuard(parts.root.id);
  }

  async children(directory: ImageNode): Promise<readonly (readonly [ByteString, ImageNode])[]> {
    const place = directoryPlace(directory);
    const reader = new ListingReader(this.#parts.directories, place, this.#guard.list(directory.id));
    const names: [ByteString, ImageNode][] = [];
    const nodes = new Map<number, SquashfsNode>();
    const attributes = new Set<Xattrs>([NO_XATTRS]);
    let memory = 0;
    for (let run = await reader.run(); run !== undefined; run = await reader.run()) {
      for (const entry of run) {
        let node = nodes.get(entry.ref);
        memory += NAME_COST + entry.name.length;
        if (node === undefined) {
          node = await this.#node(entry, place);
          nodes.set(entry.ref, node);
          memory += NAME_COST + node.target.length;
          if (!attributes.has(node.xattrs)) memory += xattrBytes(node.xattrs);
          attributes.add(node.xattrs);
          if (node.type === 'directory') this.#guard.claim(entry.ref, directory.id, place.position);
        } else if (node.type === 'directory') {
          throw new FormatError('a directory has two names', place.position);
        }
        if (memory > MAX_DIRECTORY_MEMORY) {
          throw new LimitError(
            'maxDirectoryMemory',
            MAX_DIRECTORY_MEMORY,
            'a directory is too large to list',
            {
              hint: 'Names in it can still be looked up one by one.',
            },
          );
        }
        names.push([entry.name, node]);
      }
    }
    return names;
  }

  async lookup(directory: ImageNode, name: ByteString): Promise<ImageNode | undefined> {
    checkComponent(name);
    const { inodes, directories } = this.#parts;
    const place = directoryPlace(directory);
    const reader = new ListingReader(directories, await seekName(inodes, directories, place, name));
    for (let run = await reader.run(); run !== undefined; run = await reader.run()) {
      for (const entry of run) {
        if (entry.name === name) return this.#node(entry, place);
        if (entry.name > name) return undefined;
      }
    }
    return undefined;
  }

  content(file: ImageNode, options: ReadOptions = {}): AsyncIterable<ContentChunk> {
    return readContent(this.#parts, file, options);
  }

  contents(
    files: Iterable<ImageNode>,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<NodeContent> {
    return readContents(this.#parts, files, options.signal);
  }

  async close(): Promise<void> {
    await this.#parts.file.close();
  }

  async #node(entry: ListedEntry, listing: DirectoryPlace): Promise<SquashfsNode> {
    const node = await this.#parts.inodeReader.read(entry.ref);
    if (INODE_TYPE[node.type] !== entry.type) {
      throw new FormatError(`a directory lists a ${node.type} as type ${entry.type}`, listing.position);
    }
    return node;
  }
}

function directoryPlace(node: ImageNode): DirectoryPlace {
  const place = SquashfsNode.directory(node);
  if (place !== undefined) return place;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `not a directory of this squashfs image: a ${node.type}`);
}
