/** Names are hashed in pieces of this many bytes. */
const PIECE = 32;

/** A hash that would say "end of the directory" is replaced by the one before. */
const END_OF_DIRECTORY = 0xffff_fffe;

const K2 = 0x5a82_7999;
const K3 = 0x6ed9_eba1;

/** A name's hash in a hash tree. */
export interface NameHash {
  /** Orders the tree; even. */
  readonly major: number;
  /** Orders names of equal `major`. */
  readonly minor: number;
}

/**
 * Hashes a name for a directory's hash tree: half of MD4 over its unsigned bytes
 * (kernel `Documentation/filesystems/ext4/directory.rst`, "Hash Tree Directories").
 *
 * @param name - one character per byte
 * @param seed - the superblock's four numbers
 */
export function hashName(name: string, seed: Uint32Array): NameHash {
  const state = Int32Array.from(seed);
  const words = new Int32Array(PIECE / 4);
  for (let from = 0; from < name.length; from += PIECE) {
    packName(name, from, words);
    mix(state, words);
  }
  const major = (state[1]! & ~1) >>> 0;
  return { major: major === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : major, minor: state[2]! >>> 0 };
}

/** Packs up to 32 bytes of a name into words; what is missing is filled with the number of bytes left. */
function packName(name: string, from: number, words: Int32Array): void {
  const left = name.length - from;
  const pad = (left & 255) * 0x0101_0101;
  const length = Math.min(left, PIECE);
  for (let word = 0; word < words.length; word++) {
    let value = pad | 0;
    for (let at = 4 * word; at < Math.min(length, 4 * word + 4); at++) {
      value = (value << 8) + name.charCodeAt(from + at);
    }
    words[word] = value;
  }
}

/** MD4's compression of 8 words in three rounds of eight steps. */
function mix(state: Int32Array, x: Int32Array): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  const step = (f: number, word: number, shift: number): void => {
    const sum = (a + f + word) | 0;
    a = d;
    d = c;
    c = b;
    b = (sum << shift) | (sum >>> (32 - shift));
  };
  for (let i = 0; i < 8; i++) step(d ^ (b & (c ^ d)), x[i]!, SHIFTS[0]![i & 3]!);
  for (let i = 0; i < 8; i++) step((b & c) + ((b ^ c) & d), (x[SECOND[i]!]! + K2) | 0, SHIFTS[1]![i & 3]!);
  for (let i = 0; i < 8; i++) step(b ^ c ^ d, (x[THIRD[i]!]! + K3) | 0, SHIFTS[2]![i & 3]!);
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
}

const SHIFTS = [
  [3, 7, 11, 19],
  [3, 5, 9, 13],
  [3, 9, 11, 15],
] as const;
const SECOND = [1, 3, 5, 7, 0, 2, 4, 6] as const;
const THIRD = [3, 7, 2, 6, 1, 5, 0, 4] as const;
