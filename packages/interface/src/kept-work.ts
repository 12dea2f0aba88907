/**
 * One thing that a session has made of contents of a layer: the compressed blocks of a file, a block of many small files, … What the
 * words mean is the sink's business.
 */
export interface WorkItem {
  /** Archive members whose contents are in it, by index. */
  readonly members: Uint32Array;
  /** The sink's own numbers. */
  readonly words: Uint32Array;
  /** Size of its bytes. */
  readonly size: number;
}

/** Where an item's bytes are. */
export interface KeptRange {
  /** Descriptor of the open file; any thread of the process may read from it, by position. */
  readonly fd: number;
  readonly position: number;
  readonly size: number;
  /** CRC-32 of the bytes. */
  readonly crc32: number;
}

/** What earlier sessions with the same {@link SinkSession.work} have made of contents of one layer. */
export interface KeptWork {
  /** Number of items. */
  readonly count: number;
  /**
   * Whether an item names an archive member. The session gets no bytes of its content then, and has to do with the items.
   *
   * @param member - index of the member
   */
  has(member: number): boolean;
  /**
   * Gives an item, without its bytes.
   *
   * @param index - 0 to {@link KeptWork.count} - 1, in the order in which they were made
   */
  item(index: number): WorkItem;
  /**
   * Reads an item's bytes.
   *
   * @param index - of the item
   * @param into - as long as the item
   * @throws Error when they are damaged: the host runs the session again without them
   */
  read(index: number, into: Uint8Array): void;
  /** Says where an item's bytes are, for who copies them. Whoever does so checks them before the output is complete. */
  range(index: number): KeptRange;
  /**
   * Says that something makes no sense.
   *
   * @param reason - what is wrong
   * @param index - of the item; without it, all are meant
   * @returns what the session is to throw: the host runs it again without these items
   */
  reject(reason: string, index?: number): Error;
}

/** Takes what a session makes of contents of one layer, for later sessions. It never fails: at worst nothing is kept. */
export interface WorkRecorder {
  /**
   * Takes bytes of the item that is being made.
   *
   * @param bytes - left as they are until {@link WorkRecorder.settle} is done
   */
  append(bytes: Uint8Array): void;
  /**
   * Ends the item that is being made: it has the bytes that came since the last one.
   *
   * @param members - archive members whose contents are in it; who has all items of this recorder has to be able to store each of
   * them without its bytes
   * @param words - the sink's own numbers, 0 to 2^32 - 1
   */
  end(members: ArrayLike<number>, words: ArrayLike<number>): void;
  /** Adds an item without bytes. It leaves the one that is being made alone. */
  note(members: ArrayLike<number>, words: ArrayLike<number>): void;
  /** Waits until all bytes are written. */
  settle(): Promise<void>;
}

/** The layer that a content comes from, one object for all its contents. */
export interface SourceLayer {
  /** Its place in the manifest, 0 for the oldest. */
  readonly index: number;
  /** What was made of its contents before. */
  readonly kept?: KeptWork;
  /** Takes what is made of them now, and is not among the kept. */
  readonly recorder?: WorkRecorder;
}
