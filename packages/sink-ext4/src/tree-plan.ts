import { setImmediate as turn } from 'node:timers/promises';
import {
  type ByteString,
  type ContentRef,
  type DiagnosticHandler,
  type DirectoryInode,
  displayPath,
  type FileInode,
  type Inode,
  maybeLinked,
  OcirenderError,
  sortedChildren,
  type Tree,
} from '@ocirender/interface';
import type { Checksums } from './checksums.ts';
import type { ContentTable } from './content-table.ts';
import { DirectoryStore, type StoredDirectory } from './directory-store.ts';
import {
  ENTRY_TYPE,
  FIRST_INODE,
  INODE_BLOCK_SIZE,
  MAX_DEVICE_MAJOR,
  MAX_DEVICE_MINOR,
  MAX_LINKS,
  MAX_NAME,
  MAX_TIME,
  MIN_TIME,
  ROOT_INODE,
} from './format.ts';
import { badDevice, badName, badTarget, tooManyLinks } from './unrepresentable.ts';
import { encodeXattrs } from './xattr.ts';

/** Where e2fsck puts what it finds. */
export const LOST_AND_FOUND = 'lost+found';

/** One inode of the tree with its number, and all of it that does not depend on where things are. */
export interface PlannedInode {
  readonly number: number;
  readonly inode: Inode;
  links: number;
  readonly directory: StoredDirectory | undefined;
  /** Whether its attributes need a block. They are encoded again when they are written: blocks of millions take gigabytes. */
  readonly hasXattrBlock: boolean;
  /** The content of a file that has one. */
  readonly content: ContentRef | undefined;
}

/** What planning needs. */
export interface TreePlanSetup {
  readonly blockSize: number;
  readonly checksums: Checksums;
  readonly hashSeed: Uint32Array;
  readonly contents: ContentTable;
  /** Whether an inode with too many names becomes several. */
  readonly lenient: boolean;
  readonly diagnose: DiagnosticHandler;
  /** Called now and then; throws to stop. */
  readonly check: () => void;
}

interface Frame {
  readonly name: ByteString;
  readonly above: Frame | undefined;
  readonly number: number;
  readonly children: readonly [ByteString, Inode][];
  readonly numbers: readonly number[];
  next: number;
}

/** Longest time without a look at the event loop, milliseconds: no signal arrives meanwhile. */
const STRETCH = 50;

/**
 * Numbers a tree's inodes, counts their links and encodes directories and attributes. The walk keeps its own
 * stack; depth is bounded by memory alone.
 */
export class TreePlan {
  /** In ascending order of their numbers. */
  readonly inodes: PlannedInode[] = [];
  /** The blocks of directories. */
  readonly directories: DirectoryStore;
  readonly #setup: TreePlanSetup;
  readonly #tree: Tree;
  /** Those that may have several names: to remember all would cost as much as half the tree. */
  readonly #linked = new Map<Inode, PlannedInode>();
  #lastNumber = FIRST_INODE;

  private constructor(tree: Tree, setup: TreePlanSetup) {
    this.#tree = tree;
    this.#setup = setup;
    this.directories = new DirectoryStore(setup.blockSize);
  }

  /**
   * Plans a tree; signals have their turn meanwhile.
   *
   * @param tree - the final tree
   * @param setup - see {@link TreePlanSetup}
   * @throws {OcirenderError} for what ext4 cannot hold: `ERR_OCIRENDER_SINK_EXT4_*`
   */
  static async of(tree: Tree, setup: TreePlanSetup): Promise<TreePlan> {
    const plan = new TreePlan(tree, setup);
    await plan.#walk();
    return plan;
  }

  async #walk(): Promise<void> {
    const found = this.#withLostAndFound(this.#tree.root);
    let frame = this.#enter(found, '', ROOT_INODE, undefined);
    let began = performance.now();
    for (;;) {
      if (performance.now() - began > STRETCH) {
        await turn();
        began = performance.now();
      }
      const index = frame.next++;
      const child = frame.children[index];
      if (child === undefined) {
        if (frame.above === undefined) break;
        frame = frame.above;
      } else if (child[1].type === 'directory' && frame.numbers[index] !== FIRST_INODE) {
        frame = this.#enter(child[1], child[0], frame.numbers[index] as number, frame);
      }
    }
    this.inodes.sort((a, b) => a.number - b.number);
  }

  /** The highest inode number in use. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** The root with a `lost+found`, unless it has something of that name: that one stays as it is. */
  #withLostAndFound(root: DirectoryInode): DirectoryInode {
    if (root.children.has(LOST_AND_FOUND)) return root;
    const { mtime, mtimeNs } = root;
    const own: DirectoryInode = {
      type: 'directory',
      mode: 0o700,
      uid: 0,
      gid: 0,
      mtime,
      mtimeNs,
      xattrs: new Map(),
      children: new Map(),
    };
    this.#add(FIRST_INODE, own, '', undefined, ROOT_INODE, [], []);
    return { ...root, children: new Map([...root.children, [LOST_AND_FOUND, own]]) };
  }

  /** Numbers a directory's children, encodes it, and plans those children that are not directories. */
  #enter(directory: DirectoryInode, name: ByteString, number: number, above: Frame | undefined): Frame {
    this.#setup.check();
    const children = sortedChildren(directory);
    const numbers: number[] = [];
    const frame: Frame = { name, above, number, children, numbers, next: 0 };
    for (const [childName, inode] of children) {
      if (childName.length > MAX_NAME || childName.length === 0)
        throw badName(pathOf(frame, childName), childName.length);
      numbers.push(this.#numberOf(inode, childName, frame));
    }
    this.#add(number, directory, name, above, above?.number ?? ROOT_INODE, children, numbers);
    return frame;
  }

  #numberOf(inode: Inode, name: ByteString, frame: Frame): number {
    if (inode.type === 'directory') {
      // The one directory that is planned before its parent.
      if (frame.above === undefined && this.inodes[0]?.inode === inode) return FIRST_INODE;
      return ++this.#lastNumber;
    }
    const known = this.#linked.get(inode);
    if (known !== undefined && known.links < MAX_LINKS) {
      known.links++;
      return known.number;
    }
    if (known !== undefined) this.#beginAnother(pathOf(frame, name));
    const path = (): ByteString => pathOf(frame, name);
    const content = inode.type === 'file' ? this.#contentOf(inode, path) : undefined;
    const planned: PlannedInode = {
      number: ++this.#lastNumber,
      inode,
      links: 1,
      directory: undefined,
      hasXattrBlock: this.#metadata(inode, path),
      content,
    };
    this.#checkKind(inode, path);
    if (maybeLinked(this.#tree, inode)) this.#linked.set(inode, planned);
    this.inodes.push(planned);
    return planned.number;
  }

  /** Lets an inode that has all the names it can have go on as another one with the same contents. */
  #beginAnother(path: ByteString): void {
    const { lenient, diagnose } = this.#setup;
    if (!lenient) throw tooManyLinks(path);
    const message = `"${displayPath(path)}": a further inode with the same contents begins: ext4 holds ${MAX_LINKS} names of one`;
    diagnose({ code: 'hardlinks-split', message, path });
  }

  #add(
    number: number,
    inode: DirectoryInode,
    name: ByteString,
    above: Frame | undefined,
    parent: number,
    children: readonly [ByteString, Inode][],
    numbers: readonly number[],
  ): void {
    const { blockSize, checksums, hashSeed } = this.#setup;
    const entries = children.map(([entryName, child], i) => ({
      name: entryName,
      inode: numbers[i] as number,
      type: ENTRY_TYPE[child.type],
    }));
    const directory = this.directories.add(entries, {
      self: number,
      parent,
      blockSize,
      hashSeed,
      checksum: checksums.ofInode(number),
    });
    const links = 2 + children.filter(([, child]) => child.type === 'directory').length;
    this.inodes.push({
      number,
      inode,
      links: links > MAX_LINKS ? 1 : links,
      directory,
      hasXattrBlock: this.#metadata(inode, () => pathOf(above, name)),
      content: undefined,
    });
  }

  /** Reports what ext4 cannot hold; tells whether the attributes need a block. */
  #metadata(inode: Inode, path: () => ByteString): boolean {
    const { diagnose, blockSize } = this.#setup;
    if (inode.mtime < MIN_TIME || inode.mtime > MAX_TIME) {
      const message = `${displayPath(path())}: mtime ${inode.mtime} is outside of what ext4 holds`;
      diagnose({ code: 'time-clamped', message, path: path() });
    }
    if (inode.xattrs.size === 0) return false;
    return encodeXattrs(inode.xattrs, path, blockSize, diagnose).block !== undefined;
  }

  #contentOf(inode: FileInode, path: () => ByteString): ContentRef | undefined {
    const { content, size } = inode;
    if (size === 0 && content === undefined) return undefined;
    const { contents } = this.#setup;
    if (content !== undefined && contents.has(content) && contents.sizeOf(content) === size) return content;
    const has =
      content === undefined || !contents.has(content)
        ? 'no content that was written'
        : 'a content of another size';
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `${displayPath(path())}: a file of ${size} bytes with ${has}`,
    );
  }

  #checkKind(inode: Inode, path: () => ByteString): void {
    const { blockSize } = this.#setup;
    if (inode.type === 'symlink') {
      const { length } = inode.target;
      if (length === 0 || (length >= INODE_BLOCK_SIZE && length >= blockSize))
        throw badTarget(path(), length, blockSize);
    } else if (inode.type === 'character-device' || inode.type === 'block-device') {
      const { devMajor, devMinor } = inode;
      if (devMajor > MAX_DEVICE_MAJOR || devMinor > MAX_DEVICE_MINOR)
        throw badDevice(path(), devMajor, devMinor);
    }
  }
}

/** The path of a name, for messages; an empty name for the directory's own. */
function pathOf(frame: Frame | undefined, name: ByteString): ByteString {
  const names = name === '' ? [] : [name];
  for (let at = frame; at?.above !== undefined; at = at.above) names.push(at.name);
  return names.reverse().join('/');
}
