import type { KeptRange, WorkItem } from '@ocirender/interface';
import { EntryDamaged } from '../store/entry-damaged.ts';

/** Numbers in front: items, members, words. */
const HEAD = 3;
/** Numbers for each item: size (low, high), CRC-32, members, words. */
const ITEM = 5;
const HIGH = 0x1_0000_0000;
/** No layer has so many members. */
const MAX_MEMBER = 2 ** 27;

const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Items of one entry, without their bytes. The form in which they are kept, all of it little-endian 32-bit numbers: how many items,
 * members and words; for each item its size (low, high), the CRC-32 of its bytes, how many members and words it has; then all members,
 * and all words. The bytes of the items lie one behind the other.
 */
export class WorkIndex {
  readonly count: number;
  /** Bytes of all items. */
  readonly dataBytes: number;
  /** Largest index of a member, -1 without any. */
  readonly lastMember: number;
  readonly members: Uint32Array;
  readonly #words: Uint32Array;
  readonly #items: Uint32Array;
  readonly #positions: Float64Array;
  readonly #firstMembers: Uint32Array;
  readonly #firstWords: Uint32Array;

  /**
   * Reads what {@link WorkIndexWriter} wrote.
   *
   * @param bytes - nothing of them is trusted
   * @throws {EntryDamaged} when that cannot be what was written
   */
  constructor(bytes: Uint8Array) {
    const numbers = numbersOf(bytes);
    const [count = -1, memberCount = 0, wordCount = 0] = numbers;
    if (numbers.length !== HEAD + count * ITEM + memberCount + wordCount)
      throw new EntryDamaged('its index has another length than it says');
    this.count = count;
    this.#items = numbers.subarray(HEAD, HEAD + count * ITEM);
    this.members = numbers.subarray(HEAD + count * ITEM, numbers.length - wordCount);
    this.#words = numbers.subarray(numbers.length - wordCount);
    this.#positions = new Float64Array(count + 1);
    this.#firstMembers = new Uint32Array(count + 1);
    this.#firstWords = new Uint32Array(count + 1);
    let position = 0;
    let member = 0;
    let word = 0;
    for (let item = 0, at = 0; item < count; at += ITEM) {
      position += (this.#items[at] as number) + HIGH * (this.#items[at + 1] as number);
      member += this.#items[at + 3] as number;
      word += this.#items[at + 4] as number;
      if (member > memberCount || word > wordCount || !Number.isSafeInteger(position)) break;
      this.#positions[++item] = position;
      this.#firstMembers[item] = member;
      this.#firstWords[item] = word;
    }
    if (member !== memberCount || word !== wordCount || !Number.isSafeInteger(position))
      throw new EntryDamaged('its index has impossible numbers');
    this.dataBytes = position;
    let last = -1;
    for (const index of this.members) if (index > last) last = index;
    if (last >= MAX_MEMBER) throw new EntryDamaged('its index names impossible members');
    this.lastMember = last;
  }

  /** Gives an item. */
  item(index: number): WorkItem {
    return {
      members: this.members.subarray(this.#firstMembers[index], this.#firstMembers[index + 1]),
      words: this.#words.subarray(this.#firstWords[index], this.#firstWords[index + 1]),
      size: (this.#positions[index + 1] as number) - (this.#positions[index] as number),
    };
  }

  /** Says where an item's bytes are among those of all, and their CRC-32. */
  range(index: number): Omit<KeptRange, 'fd'> {
    const position = this.#positions[index] as number;
    const size = (this.#positions[index + 1] as number) - position;
    return { position, size, crc32: this.#items[index * ITEM + 2] as number };
  }
}

/** Collects items in the form that {@link WorkIndex} reads. */
export class WorkIndexWriter {
  readonly #items = new NumberList();
  readonly #members = new NumberList();
  readonly #words = new NumberList();
  #count = 0;

  /** How many items there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds an item: its bytes lie behind those of the one before. */
  add(size: number, crc: number, members: ArrayLike<number>, words: ArrayLike<number>): void {
    this.#count++;
    for (const number of [size % HIGH, Math.floor(size / HIGH), crc, members.length, words.length])
      this.#items.push(number);
    for (let i = 0; i < members.length; i++) this.#members.push(members[i] as number);
    for (let i = 0; i < words.length; i++) this.#words.push(words[i] as number);
  }

  /** Puts everything together. */
  encode(): Buffer {
    const parts = [
      Uint32Array.of(this.#count, this.#members.length, this.#words.length),
      this.#items.numbers,
      this.#members.numbers,
      this.#words.numbers,
    ];
    const bytes = Buffer.concat(
      parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
    );
    return IS_LITTLE_ENDIAN ? bytes : bytes.swap32();
  }
}

/** Numbers in memory that grows. */
class NumberList {
  #numbers = new Uint32Array(1024);
  length = 0;

  get numbers(): Uint32Array<ArrayBuffer> {
    return this.#numbers.subarray(0, this.length);
  }

  push(value: number): void {
    if (this.length === this.#numbers.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.length++] = value;
  }
}

/** Takes bytes as numbers: a copy, since they may begin anywhere. */
function numbersOf(bytes: Uint8Array): Uint32Array {
  if (bytes.length % 4 !== 0) throw new EntryDamaged('its index has an odd length');
  const copy = new Uint8Array(bytes);
  if (!IS_LITTLE_ENDIAN) Buffer.from(copy.buffer).swap32();
  return new Uint32Array(copy.buffer);
}
