import type { ByteString, Entry, EntryType, Extent, Metadata, Placement } from '@ocirender/interface';
import { ByteLog } from './byte-log.ts';
import { freeableMemory, freeMemory } from './freeable-memory.ts';
import type { XattrPool } from './xattr-pool.ts';

const KINDS: readonly RecordKind[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'whiteout',
  'opaque',
  'ignored',
  'socket',
];

/**
 * What a journal remembers of an entry: its kind, or what its name means. Every archive member has a record, so that
 * the n-th record is the n-th member; those without a meaning are `ignored`.
 */
export type RecordKind = EntryType | 'whiteout' | 'opaque' | 'ignored';

/** One journal record, decoded. */
export interface JournalRecord extends Omit<Entry, 'type'> {
  kind: RecordKind;
  /** Canonical path: of the entry, or of what a whiteout or opaque marker acts on. */
  path: ByteString;
  /** Canonical target path for hard links; as spelled for symbolic links. */
  linkTarget: ByteString;
  /** Last component of `path`, as a string of its own. */
  name: ByteString;
}

/** What is rare is kept aside. */
interface Extra {
  readonly extents?: readonly Extent[];
  readonly pax?: ReadonlyMap<ByteString, Uint8Array>;
}

/** Bytes of a record, and records in a chunk of memory. */
const RECORD = 64;
const RECORDS = 4096;

const KIND = 0;
const NAME_LENGTH = 2;
const MODE = 4;
const UID = 8;
const GID = 12;
const MTIME_NS = 16;
const XATTRS = 20;
const MTIME = 24;
const SIZE = 32;
const POSITION = 40;
const PATH_LENGTH = 48;
const LINK_LENGTH = 52;
const DEV_MAJOR = 56;
const DEV_MINOR = 60;

const NONE = new DataView(new ArrayBuffer(0));

/** `ref` of an entry whose content was not stored. */
export const NOT_STORED = -1;

/**
 * The headers of one layer in tar order, in a compact form: 72 bytes an entry and the bytes of its names, so that
 * memory holds millions of them. Contents are named by the refs that the sink gave.
 */
export class Journal {
  readonly #chunks: DataView[] = [];
  /** Refs stay when records are released. */
  readonly #refs: Float64Array[] = [];
  readonly #names = new ByteLog();
  readonly #xattrs: XattrPool;
  readonly #extras = new Map<number, Extra>();
  #length = 0;
  /** Placements that differ from what the record itself says, because a newer layer's hard link needs the content. */
  readonly linkedPlacements: Map<number, Placement> = new Map();
  /** Whiteouts and opaque markers. */
  markers = 0;
  /** Bytes of the contents that the sink has. */
  storedBytes = 0;
  /** Bytes of the uncompressed layer. */
  tarBytes = 0;

  /**
   * @param xattrs - where attribute sets are kept once, shared by the journals of an image
   */
  constructor(xattrs: XattrPool) {
    this.#xattrs = xattrs;
  }

  /** Number of records. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds a record.
   *
   * @param kind - the entry's kind or what its name means
   * @param path - canonical
   * @param linkTarget - canonical for hard links, as spelled for symbolic links, else empty
   * @param entry - the rest
   * @returns the record's index
   */
  append(kind: RecordKind, path: ByteString, linkTarget: ByteString, entry: Entry): number {
    const index = this.#length++;
    if (index % RECORDS === 0) {
      this.#chunks.push(new DataView(freeableMemory(RECORD * RECORDS), 0, RECORD * RECORDS));
      this.#refs.push(new Float64Array(RECORDS).fill(NOT_STORED));
    }
    const view = this.#chunks[this.#chunks.length - 1]!;
    const at = (index % RECORDS) * RECORD;
    view.setUint8(at + KIND, KINDS.indexOf(kind));
    view.setUint16(at + NAME_LENGTH, path.length - 1 - path.lastIndexOf('/'));
    view.setUint16(at + MODE, entry.mode);
    view.setUint32(at + UID, entry.uid);
    view.setUint32(at + GID, entry.gid);
    view.setUint32(at + MTIME_NS, entry.mtimeNs);
    view.setUint32(at + XATTRS, this.#xattrs.add(entry.xattrs));
    view.setFloat64(at + MTIME, entry.mtime);
    view.setFloat64(at + SIZE, entry.size);
    view.setFloat64(at + POSITION, this.#names.append(path + linkTarget));
    view.setUint32(at + PATH_LENGTH, path.length);
    view.setUint32(at + LINK_LENGTH, linkTarget.length);
    view.setUint32(at + DEV_MAJOR, entry.devMajor);
    view.setUint32(at + DEV_MINOR, entry.devMinor);
    if (entry.extents !== undefined || entry.extraPax !== undefined) {
      this.#extras.set(index, {
        ...(entry.extents === undefined ? {} : { extents: entry.extents }),
        ...(entry.extraPax === undefined ? {} : { pax: entry.extraPax }),
      });
    }
    if (kind === 'whiteout' || kind === 'opaque') this.markers++;
    return index;
  }

  /**
   * @param index - of a record
   * @param ref - the sink's name of its content
   */
  setRef(index: number, ref: number): void {
    this.#refs[Math.floor(index / RECORDS)]![index % RECORDS] = ref;
    this.storedBytes += this.size(index);
  }

  /**
   * @param index - of a record
   * @returns the sink's name of its content, or {@link NOT_STORED}
   */
  ref(index: number): number {
    return this.#refs[Math.floor(index / RECORDS)]![index % RECORDS]!;
  }

  /** Forgets all refs: their session is gone. */
  clearRefs(): void {
    for (const refs of this.#refs) refs.fill(NOT_STORED);
    this.storedBytes = 0;
  }

  /**
   * Frees the memory of records that nobody will ask for again, except for their refs.
   *
   * @param index - those before this one
   */
  release(index: number): void {
    if (index % RECORDS !== 0 || index === 0) return;
    const chunk = index / RECORDS - 1;
    freeMemory(this.#chunks[chunk]!.buffer);
    this.#chunks[chunk] = NONE;
    this.#names.release(this.#view(index).getFloat64(POSITION));
  }

  /**
   * @param index - of a record
   * @returns its kind
   */
  kind(index: number): RecordKind {
    return KINDS[this.#view(index).getUint8(this.#offset(index) + KIND)]!;
  }

  /**
   * @param index - of a record
   * @returns apparent size of its content in bytes
   */
  size(index: number): number {
    return this.#view(index).getFloat64(this.#offset(index) + SIZE);
  }

  /**
   * @param index - of a record
   * @returns its canonical path
   */
  path(index: number): ByteString {
    const view = this.#view(index);
    const at = this.#offset(index);
    return this.#names.read(view.getFloat64(at + POSITION), view.getUint32(at + PATH_LENGTH));
  }

  /**
   * @param index - of a record
   * @returns the whole record
   */
  record(index: number): JournalRecord {
    const view = this.#view(index);
    const at = this.#offset(index);
    const position = view.getFloat64(at + POSITION);
    const pathLength = view.getUint32(at + PATH_LENGTH);
    const linkLength = view.getUint32(at + LINK_LENGTH);
    const nameLength = view.getUint16(at + NAME_LENGTH);
    const extra = this.#extras.get(index);
    const record: JournalRecord = {
      kind: KINDS[view.getUint8(at + KIND)]!,
      path: this.#names.read(position, pathLength),
      name: this.#names.read(position + pathLength - nameLength, nameLength),
      linkTarget: linkLength === 0 ? '' : this.#names.read(position + pathLength, linkLength),
      mode: view.getUint16(at + MODE),
      uid: view.getUint32(at + UID),
      gid: view.getUint32(at + GID),
      mtime: view.getFloat64(at + MTIME),
      mtimeNs: view.getUint32(at + MTIME_NS),
      xattrs: this.#xattrs.get(view.getUint32(at + XATTRS)),
      size: view.getFloat64(at + SIZE),
      devMajor: view.getUint32(at + DEV_MAJOR),
      devMinor: view.getUint32(at + DEV_MINOR),
    };
    if (extra?.extents !== undefined) record.extents = extra.extents;
    if (extra?.pax !== undefined) record.extraPax = extra.pax;
    return record;
  }

  /**
   * @param index - of a record
   * @returns its mode, owner, time and attributes
   */
  metadata(index: number): Metadata {
    const view = this.#view(index);
    const at = this.#offset(index);
    return {
      mode: view.getUint16(at + MODE),
      uid: view.getUint32(at + UID),
      gid: view.getUint32(at + GID),
      mtime: view.getFloat64(at + MTIME),
      mtimeNs: view.getUint32(at + MTIME_NS),
      xattrs: this.#xattrs.get(view.getUint32(at + XATTRS)),
    };
  }

  /**
   * @param index - of a record whose content was given to the sink during the scan
   * @returns the placement that the sink was told
   */
  placement(index: number): Placement {
    return this.linkedPlacements.get(index) ?? { path: this.path(index), metadata: this.metadata(index) };
  }

  #view(index: number): DataView {
    return this.#chunks[Math.floor(index / RECORDS)]!;
  }

  #offset(index: number): number {
    return (index % RECORDS) * RECORD;
  }
}
