/** Bytes of a slot: what inflating fills while it is still in a core's cache (64 KiB and 1 MiB measured slower). */
const SLOT_BYTES = 256 * 1024;

/** Slots of a ring: 3 MiB are decompressed ahead of who reads them. */
const SLOTS = 12;

/** Words before those of the slots. */
const WORD = {
  stop: 0,
  skip: 1,
  filled: 2,
  ended: 3,
  filledTick: 4,
  freedTick: 5,
  readerWaits: 6,
  writerWaits: 7,
  readers: 8,
};
const SLOT_WORDS = 9;
/** Words of a slot: its length in bytes, the readers who still have it, messages that were posted before it. */
const SLOT_WORD = { length: 0, held: 1, notes: 2 };
const WORDS_PER_SLOT = 3;

/** The memory of a ring, to be posted to threads. */
export interface RingMemory {
  readonly data: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
}

/** Thrown in the writer's thread when its bytes are not wanted any more. */
export class RingStopped extends Error {
  override readonly name = 'RingStopped';
}

/**
 * A ring of reused shared memory between one thread that writes and one or two that read everything. A ring that is
 * full makes the writer wait. Counters only grow, modulo 2^32.
 */
abstract class Ring {
  protected readonly words: Int32Array;
  protected readonly slots: readonly Uint8Array[];

  constructor({ data, words }: RingMemory) {
    this.words = new Int32Array(words);
    this.slots = Array.from(
      { length: SLOTS },
      (_, index) => new Uint8Array(data, index * SLOT_BYTES, SLOT_BYTES),
    );
  }

  protected static slotWord(slot: number, word: number): number {
    return SLOT_WORDS + slot * WORDS_PER_SLOT + word;
  }

  protected tick(word: number): void {
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
  }

  /** Says something for good, and wakes those who wait for any of the ticks. */
  protected raise(flag: number, ...ticks: number[]): void {
    Atomics.store(this.words, flag, 1);
    for (const word of ticks) this.tick(word);
  }

  /** Gives a slot back; the last reader makes it free. */
  protected release(slot: number): void {
    if (Atomics.sub(this.words, Ring.slotWord(slot, SLOT_WORD.held), 1) === 1) this.tick(WORD.freedTick);
  }
}

/** Makes the memory of a ring. */
export function createRingMemory(): RingMemory {
  return {
    data: new SharedArrayBuffer(SLOTS * SLOT_BYTES),
    words: new SharedArrayBuffer(4 * (SLOT_WORDS + SLOTS * WORDS_PER_SLOT)),
  };
}

/** The side that fills slots, in a thread that may be put to sleep. */
export class RingWriter extends Ring {
  readonly #wakeReader: () => void;
  #slot = 0;
  #fill = 0;
  #isOpen = false;
  /** Messages posted to the reader so far: it reads them before the bytes that come after them. */
  notes = 0;

  /**
   * @param memory - of the ring
   * @param wakeReader - posts a message to a reader that cannot be put to sleep
   */
  constructor(memory: RingMemory, wakeReader: () => void) {
    super(memory);
    this.#wakeReader = wakeReader;
  }

  /**
   * Gives room to write to; waits for it.
   *
   * @returns at least one byte, of the open slot
   * @throws {RingStopped} when nobody wants more
   */
  take(): Uint8Array {
    if (!this.#isOpen) this.#waitForSlot();
    const slot = this.slots[this.#slot]!;
    return this.#fill === 0 ? slot : slot.subarray(this.#fill);
  }

  /** Says how many bytes of the room have been filled. */
  commit(count: number): void {
    this.#fill += count;
    if (this.#fill === SLOT_BYTES) this.flush();
  }

  /** Writes a copy of bytes. */
  copy(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const room = this.take();
      const count = Math.min(room.length, bytes.length - from);
      room.set(from === 0 && count === bytes.length ? bytes : bytes.subarray(from, from + count));
      this.commit(count);
      from += count;
    }
  }

  /** Hands over what has been written. */
  flush(): void {
    if (this.#fill === 0) return;
    const { words } = this;
    words[Ring.slotWord(this.#slot, SLOT_WORD.length)] = this.#fill;
    words[Ring.slotWord(this.#slot, SLOT_WORD.notes)] = this.notes;
    Atomics.store(words, Ring.slotWord(this.#slot, SLOT_WORD.held), Atomics.load(words, WORD.readers));
    Atomics.add(words, WORD.filled, 1);
    this.tick(WORD.filledTick);
    if (Atomics.exchange(words, WORD.readerWaits, 0) === 1) this.#wakeReader();
    this.#slot = (this.#slot + 1) % SLOTS;
    this.#fill = 0;
    this.#isOpen = false;
  }

  /** Hands over the last bytes and says that there are no more. */
  end(): void {
    this.flush();
    this.raise(WORD.ended, WORD.filledTick);
  }

  /** Throws when the reader wants nothing any more. */
  check(): void {
    if (Atomics.load(this.words, WORD.stop) !== 0) throw new RingStopped('the reader has gone');
  }

  #waitForSlot(): void {
    const held = Ring.slotWord(this.#slot, SLOT_WORD.held);
    for (;;) {
      const tick = Atomics.load(this.words, WORD.freedTick);
      this.check();
      if (Atomics.load(this.words, WORD.skip) !== 0) throw new RingStopped('no more is wanted');
      if (Atomics.load(this.words, held) === 0) break;
      Atomics.wait(this.words, WORD.freedTick, tick);
    }
    this.#isOpen = true;
  }
}

/** A reader that may be put to sleep. */
export class RingFollower extends Ring {
  readonly #wakeWriter: () => void;
  #taken = 0;

  /**
   * @param memory - of the ring
   * @param wakeWriter - posts a message to a writer that cannot be put to sleep
   */
  constructor(memory: RingMemory, wakeWriter: () => void = () => {}) {
    super(memory);
    this.#wakeWriter = wakeWriter;
  }

  /**
   * Gives all bytes in order, slot by slot; they are the ring's again when the next ones are asked for.
   *
   * @throws {RingStopped} when it was stopped before the end
   */
  *chunks(): Generator<Uint8Array, void, undefined> {
    const { words } = this;
    while (this.#wait()) {
      const slot = this.#taken % SLOTS;
      yield this.slots[slot]!.subarray(0, words[Ring.slotWord(slot, SLOT_WORD.length)]);
      this.#taken = (this.#taken + 1) >>> 0;
      this.release(slot);
      if (Atomics.exchange(words, WORD.writerWaits, 0) === 1) this.#wakeWriter();
    }
  }

  /** Waits for a slot; false at the end. */
  #wait(): boolean {
    const { words } = this;
    for (;;) {
      const tick = Atomics.load(words, WORD.filledTick);
      if (Atomics.load(words, WORD.stop) !== 0) throw new RingStopped('the writer has gone');
      const ended = Atomics.load(words, WORD.ended) !== 0;
      if (this.#taken !== Atomics.load(words, WORD.filled) >>> 0) return true;
      if (ended) return false;
      Atomics.wait(words, WORD.filledTick, tick);
    }
  }
}

/** The writer on the main thread, which never sleeps: it is woken by a message. */
export class RingFeeder extends Ring {
  #slot = 0;

  /**
   * Writes a copy of as many bytes as there is room for in a slot.
   *
   * @returns how many; 0 when the ring is full: then {@link sleep} may be called
   */
  put(bytes: Uint8Array): number {
    const held = Ring.slotWord(this.#slot, SLOT_WORD.held);
    if (Atomics.load(this.words, held) !== 0) return 0;
    const count = Math.min(bytes.length, SLOT_BYTES);
    this.slots[this.#slot]!.set(count === bytes.length ? bytes : bytes.subarray(0, count));
    this.words[Ring.slotWord(this.#slot, SLOT_WORD.length)] = count;
    Atomics.store(this.words, held, 1);
    Atomics.add(this.words, WORD.filled, 1);
    this.tick(WORD.filledTick);
    this.#slot = (this.#slot + 1) % SLOTS;
    return count;
  }

  /**
   * Asks to be woken when there is room.
   *
   * @returns false when there is some already
   */
  sleep(): boolean {
    Atomics.store(this.words, WORD.writerWaits, 1);
    return Atomics.load(this.words, Ring.slotWord(this.#slot, SLOT_WORD.held)) !== 0;
  }

  /** Says that there are no more bytes. */
  end(): void {
    this.raise(WORD.ended, WORD.filledTick);
  }

  /** Ends the reading at once. */
  stop(): void {
    this.raise(WORD.stop, WORD.filledTick);
  }
}

/** The reader on the main thread, which never sleeps: it is woken by a message. */
export class RingReader extends Ring {
  #taken = 0;
  #held = -1;

  /** Empties the ring for another run; no thread may use it. */
  reset(readers: number): void {
    this.words.fill(0);
    this.words[WORD.readers] = readers;
    this.#taken = 0;
    this.#held = -1;
  }

  /**
   * Gives the next bytes, if they are there; those given before are the ring's again.
   *
   * @returns undefined when there are none; then {@link sleep} may be called
   */
  next(): Uint8Array | undefined {
    this.letGo();
    if (this.#taken === Atomics.load(this.words, WORD.filled) >>> 0) return undefined;
    this.#held = this.#taken % SLOTS;
    this.#taken = (this.#taken + 1) >>> 0;
    const bytes = this.slots[this.#held]!;
    const length = this.words[Ring.slotWord(this.#held, SLOT_WORD.length)]!;
    return length === SLOT_BYTES ? bytes : bytes.subarray(0, length);
  }

  /** Messages that were posted before the bytes that {@link next} gave. */
  get notes(): number {
    return this.words[Ring.slotWord(this.#held, SLOT_WORD.notes)]!;
  }

  /**
   * Asks to be woken when there are more bytes.
   *
   * @returns false when there are some already
   */
  sleep(): boolean {
    Atomics.store(this.words, WORD.readerWaits, 1);
    return this.#taken === Atomics.load(this.words, WORD.filled) >>> 0;
  }

  /** Gives back the bytes that {@link next} gave. */
  letGo(): void {
    if (this.#held < 0) return;
    this.release(this.#held);
    this.#held = -1;
  }

  /** Ends the writing at the next slot. What was filled before is still read by followers. */
  skip(): void {
    this.raise(WORD.skip, WORD.freedTick);
  }

  /** Ends everything at once. */
  stop(): void {
    this.raise(WORD.stop, WORD.freedTick, WORD.filledTick);
  }
}
