import { posix } from 'node:path';
import { type ByteString, LimitError } from '@ocirender/interface';
import { type TarEvent, TarReader } from '@ocirender/tar-header';
import type { ArchiveLimits } from './limits.ts';

/** What an archive says of one name. */
export type Member =
  | { readonly kind: 'file'; readonly offset: number; readonly size: number; readonly sparse: boolean }
  /** Another name of the archive; undefined when it leads out of it. */
  | { readonly kind: 'link'; readonly target: ByteString | undefined }
  | { readonly kind: 'other' };

/**
 * Finds out where in a tar the members are. Bytes go in as they come; content may be passed over with
 * {@link ArchiveIndex.passOver}. When a name occurs twice the last one counts, as after unpacking.
 */
export class ArchiveIndex {
  readonly members: Map<ByteString, Member> = new Map();
  readonly #reader: TarReader;
  readonly #limits: ArchiveLimits;
  #count = 0;
  #nameBytes = 0;
  /** Where the content of the member at hand ends. */
  #end = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
    this.#reader = new TarReader({ limits: { pathBytes: 4096, paxHeaderBytes: 256 * 1024 } });
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#reader.offset;
  }

  /** Bytes of content still to come that nobody needs to look at. */
  get skippable(): number {
    return Math.max(0, this.#end - this.#reader.offset);
  }

  /**
   * Takes the next bytes.
   *
   * @throws {FormatError} when they are no tar
   * @throws {LimitError} when a limit is met
   */
  write(chunk: Uint8Array): void {
    for (const event of this.#reader.write(chunk)) this.#take(event);
  }

  /**
   * Passes over content without reading it.
   *
   * @param bytes - how many, at most {@link skippable}
   */
  passOver(bytes: number): void {
    for (let left = bytes; left > 0; left -= NOTHING.length) {
      this.write(left < NOTHING.length ? NOTHING.subarray(0, left) : NOTHING);
    }
  }

  /**
   * Ends the input.
   *
   * @throws {FormatError} `ERR_OCIRENDER_TRUNCATED` when it ends inside a member
   */
  finish(): void {
    for (const event of this.#reader.finish()) this.#take(event);
  }

  #take(event: TarEvent): void {
    if (event.type !== 'entry') return;
    const { entry } = event;
    this.#count++;
    this.#nameBytes += entry.path.length + entry.linkTarget.length;
    const { members, nameBytes } = this.#limits;
    if (this.#count > members) throw new LimitError('members', members, 'the archive has too many members');
    if (this.#nameBytes > nameBytes) {
      throw new LimitError('nameBytes', nameBytes, 'the names in the archive are too long');
    }
    const offset = this.#reader.offset;
    const isFile = entry.type === 'file';
    const sparse = entry.extents !== undefined;
    if (isFile && !sparse) this.#end = offset + entry.size;
    const name = cleanName(entry.path);
    // What leads out of the archive can be nobody's blob; nothing is unpacked.
    if (name === undefined) return;
    if (isFile) this.members.set(name, { kind: 'file', offset, size: entry.size, sparse });
    else if (entry.type === 'symlink') {
      this.members.set(name, { kind: 'link', target: symlinkTarget(name, entry.linkTarget) });
    } else if (entry.type === 'hardlink') {
      this.members.set(name, { kind: 'link', target: cleanName(entry.linkTarget) });
    } else this.members.set(name, { kind: 'other' });
  }
}

/** Fed instead of content that is not read: the reader does not look at it. */
const NOTHING = new Uint8Array(1024 * 1024);

/**
 * Gives the one spelling of a name: `./a//b/` is `a/b`.
 *
 * @returns undefined for what leads out
 */
export function cleanName(name: ByteString): ByteString | undefined {
  const clean = posix.normalize(`./${name}`).replace(/\/$/, '');
  return clean === '..' || clean.startsWith('../') ? undefined : clean;
}

function symlinkTarget(name: ByteString, target: ByteString): ByteString | undefined {
  return target.startsWith('/') ? undefined : cleanName(`${posix.dirname(name)}/${target}`);
}
