/** @import { ByteString, Content, DiagnosticHandler, Inode, Tree } from '@ocirender/interface' */
import { displayPath, expandHoles, maybeLinked, walkTree } from '@ocirender/interface';
import { encodeEnd, encodeHeader, MAX_NUMBER, paddingOf, TYPE_BITS } from './newc.js';

/** Headers and small files are collected to writes of about this many bytes. */
const BATCH_BYTES = 256 * 1024;

/**
 * What the names of an inode have in common.
 *
 * @typedef {{ inode: number, mtime: number, links: number }} Shared
 */

/**
 * The names of an inode that has several.
 *
 * @typedef {{ names: ByteString[], shared: Shared | undefined }} LinkGroup
 */

/** Writes the members of one archive: `begin`, any number of `content`, `rest`, `end`. */
export class CpioArchive {
  /** Bytes so far. */
  bytes = 0;
  members = 0;
  /** Inodes whose time had nanoseconds, which the format cannot hold. */
  timesTruncated = 0;

  #write;
  #diagnose;
  /** @type {Map<Inode, LinkGroup>} */
  #groups = new Map();
  #inodes = 0;
  /** @type {Buffer[]} */
  #batch = [];
  #batched = 0;

  /**
   * @param {(bytes: Uint8Array) => Promise<void>} write takes bytes in order
   * @param {DiagnosticHandler} diagnose is told what is lost
   */
  constructor(write, diagnose) {
    this.#write = write;
    this.#diagnose = diagnose;
  }

  /**
   * Writes all directories, each before those within it. Linux makes no directory that has no member of its own
   * before its first file.
   *
   * @param {Tree} tree
   */
  async begin(tree) {
    for (const { path, inode } of walkTree(tree)) {
      if (inode.type === 'directory') await this.#add(path, inode, 0);
      else if (maybeLinked(tree, inode)) {
        const group = this.#groups.get(inode);
        if (group === undefined) this.#groups.set(inode, { names: [path], shared: undefined });
        else group.names.push(path);
      }
    }
  }

  /**
   * Writes a file with its contents, and all its names: the contents follow the last one, as GNU cpio has it.
   *
   * @param {Inode} inode
   * @param {ByteString} path one of its names
   * @param {Content} content
   * @param {number} size
   */
  async content(inode, path, content, size) {
    for (const name of this.#groups.get(inode)?.names ?? []) {
      if (name !== path) await this.#add(name, inode, 0);
    }
    await this.#add(path, inode, size);
    let written = 0;
    if (content instanceof Uint8Array) {
      written = content.length;
      // The bytes are the caller's, who uses the buffer again: what waits is a copy.
      await this.#append(Buffer.from(content));
    } else {
      await this.#flush();
      // A cpio archive has no notion of holes: they become zeros.
      for await (const chunk of expandHoles(content)) {
        written += chunk.length;
        await this.#put(chunk);
      }
    }
    if (written !== size) throw new Error(`cpio: ${displayPath(path)} has ${written} bytes, not ${size}`);
    await this.#append(Buffer.alloc(paddingOf(size)));
  }

  /**
   * Writes everything that has no contents.
   *
   * @param {Tree} tree
   */
  async rest(tree) {
    for (const { path, inode } of walkTree(tree)) {
      if (inode.type === 'directory') continue;
      if (inode.type === 'file' && inode.size > 0) {
        if (inode.content === undefined)
          throw new Error(`cpio: ${displayPath(path)} came without its contents`);
        continue;
      }
      if (inode.type === 'symlink') await this.symlink(path, inode);
      else await this.#add(path, inode, 0);
    }
  }

  /**
   * Writes a symbolic link: its target is what follows the header.
   *
   * @param {ByteString} path
   * @param {Inode & { type: 'symlink' }} inode
   */
  async symlink(path, inode) {
    const target = Buffer.from(inode.target, 'latin1');
    await this.#add(path, inode, target.length);
    await this.#append(Buffer.concat([target, Buffer.alloc(paddingOf(target.length))]));
  }

  /** Writes the end. */
  async end() {
    await this.#append(encodeEnd(this.bytes + this.#batched));
    await this.#flush();
  }

  /**
   * @param {ByteString} path
   * @param {Inode} inode
   * @param {number} size
   */
  async #add(path, inode, size) {
    const { mode, uid, gid } = inode;
    const device =
      inode.type === 'character-device' || inode.type === 'block-device'
        ? { devMajor: inode.devMajor, devMinor: inode.devMinor }
        : {};
    const typed = TYPE_BITS[inode.type] + mode;
    const header = encodeHeader({
      path,
      mode: typed,
      uid,
      gid,
      size,
      ...device,
      ...this.#shared(path, inode),
    });
    this.members++;
    await this.#append(header);
  }

  /**
   * @param {ByteString} path
   * @param {Inode} inode
   * @returns {Shared}
   */
  #shared(path, inode) {
    const group = this.#groups.get(inode);
    if (group?.shared !== undefined) return group.shared;
    this.#reportXattrs(path, inode);
    const mtime = this.#time(path, inode);
    // Numbered as they are written: nothing of the machine shows.
    const shared = { inode: ++this.#inodes, mtime, links: group?.names.length ?? 1 };
    if (inode.type === 'directory') shared.links = 2 + subdirectories(inode);
    if (group !== undefined) group.shared = shared;
    return shared;
  }

  /**
   * @param {ByteString} path
   * @param {Inode} inode
   */
  #time(path, inode) {
    const mtime = Math.min(Math.max(inode.mtime, 0), MAX_NUMBER);
    if (mtime !== inode.mtime) {
      const message = `${displayPath(path)}: a cpio archive cannot hold mtime ${inode.mtime}, stored as ${mtime}`;
      this.#diagnose({ code: 'time-clamped', message, path });
    } else if (inode.mtimeNs !== 0) this.timesTruncated++;
    return mtime;
  }

  /**
   * @param {ByteString} path
   * @param {Inode} inode
   */
  #reportXattrs(path, inode) {
    for (const name of inode.xattrs.keys()) {
      const message = `${displayPath(path)}: a cpio archive cannot hold the attribute ${displayPath(name)}`;
      this.#diagnose({ code: 'xattr-dropped', message, path });
    }
  }

  /** @param {Buffer} bytes no longer the caller's */
  async #append(bytes) {
    this.#batch.push(bytes);
    this.#batched += bytes.length;
    if (this.#batched >= BATCH_BYTES) await this.#flush();
  }

  async #flush() {
    const bytes = Buffer.concat(this.#batch);
    this.#batch = [];
    this.#batched = 0;
    if (bytes.length > 0) await this.#put(bytes);
  }

  /** @param {Uint8Array} bytes */
  async #put(bytes) {
    await this.#write(bytes);
    this.bytes += bytes.length;
  }
}

/** @param {Inode & { type: 'directory' }} directory */
function subdirectories(directory) {
  let count = 0;
  for (const child of directory.children.values()) if (child.type === 'directory') count++;
  return count;
}
