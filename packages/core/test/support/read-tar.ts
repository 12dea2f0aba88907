import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type ByteString, displayPath, type Entry } from '@ocirender/interface';
import type { ReadEntry, ReadTree } from '../../../sink-compliance/src/index.ts';
import { type TarEvent, TarReader } from '../../../tar-header/src/index.ts';

/** Reads an archive that holds one tree: every path once, hard links after their targets. */
export async function readTar(path: string): Promise<ReadTree> {
  const reader = new TarReader();
  const collector = new TreeCollector();
  for await (const chunk of createReadStream(path)) {
    for (const event of reader.write(chunk as Buffer)) collector.take(event);
  }
  for (const event of reader.finish()) collector.take(event);
  return collector.tree;
}

class TreeCollector {
  readonly tree = new Map<ByteString, ReadEntry>();
  #name: ByteString = '';
  #hash: Hash | undefined;

  take(event: TarEvent): void {
    if (event.type === 'entry') this.#takeEntry(event.entry);
    else if (event.type === 'data') this.#hash!.update(event.bytes);
    else if (event.type === 'hole') for (const zeros of zeroChunks(event.length)) this.#hash!.update(zeros);
    else if (event.type === 'end-of-entry') this.#endFile();
    else throw new Error(`the archive is not clean: ${event.code}: ${event.message}`);
  }

  #takeEntry(entry: Entry): void {
    const name = treePath(entry.path);
    if (this.tree.has(name)) throw new Error(`the archive has "${displayPath(name)}" twice`);
    if (entry.type === 'hardlink') {
      const target = this.tree.get(treePath(entry.linkTarget));
      if (target === undefined) throw new Error(`"${displayPath(name)}" links to what has not come yet`);
      this.tree.set(name, target);
      return;
    }
    this.#name = name;
    this.#hash = createHash('sha256');
    const { type, mode, uid, gid, mtime, mtimeNs, xattrs } = entry;
    this.tree.set(name, {
      type,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      xattrs,
      inode: name,
      ...(type === 'file' ? { size: entry.size } : {}),
      ...(type === 'symlink' ? { target: entry.linkTarget } : {}),
      ...(type.endsWith('device') ? { devMajor: entry.devMajor, devMinor: entry.devMinor } : {}),
    });
    if (type === 'file' && entry.size === 0) this.#endFile();
  }

  #endFile(): void {
    this.tree.set(this.#name, { ...this.tree.get(this.#name)!, sha256: this.#hash!.digest('hex') });
  }
}

function treePath(path: ByteString): ByteString {
  return path.replace(/^(\.?\/)+|^\.$/, '').replace(/\/+$/, '');
}

function* zeroChunks(length: number): Generator<Uint8Array> {
  const zeros = new Uint8Array(Math.min(length, 65_536));
  for (let left = length; left > 0; left -= zeros.length)
    yield zeros.subarray(0, Math.min(left, zeros.length));
}
