/** What the beginning of an input was compressed to. */
export interface Lz4Fit {
  /** Bytes of the input that are in it. */
  readonly length: number;
  /** The block; good until the next call. */
  readonly bytes: Uint8Array;
}

/**
 * Makes a compressor of lz4 blocks (lz4_Block_format.md) that looks for long matches: hash chains over the 64 KiB that a
 * match can reach back, and a choice among up to three matches that overlap.
 *
 * A block takes as much of the input as fits into `most` bytes. The bytes depend on input, level and `most` only.
 *
 * @param level - 1 to 12: how many earlier places are looked at for each match, 2^(level - 1)
 * @param most - most bytes of a block, at least 1
 */
export function createLz4hc(level: number, most: number): (input: Uint8Array) => Lz4Fit {
  type Match = { start: number; length: number; distance: number };
  const depth = 2 ** (level - 1);
  // A longer match is taken as it is, and a search ends after so many compared bytes: runs cost no more than text.
  const enough = 1024;
  const patience = 32_768;
  // By hash: the last place. By place: how far back the one before of that hash is; 0 = too far.
  const last = new Int32Array(32_768);
  const back = new Uint16Array(65_536);
  const output = new Uint8Array(most);

  let input: Uint8Array = output;
  let view: DataView = new DataView(output.buffer);
  /** Where the last match may start, and where it must end: 12 and 5 bytes before the end. */
  let lastStart = 0;
  let lastEnd = 0;
  /** First place that is not in the chains yet. */
  let next = 0;
  /** First byte of the input that is not in the output yet. */
  let anchor = 0;
  let size = 0;

  const hash = (word: number): number => Math.imul(word, 0x9e3779b1) >>> 17;

  // Finds the longest match that covers the four bytes at a place, starts at `low` or later, and is longer than `longer`.
  const find = (at: number, low: number, longer: number): Match | undefined => {
    const bytes = input;
    const words = view;
    const end = lastEnd;
    for (let place = next; place < at; place++) {
      const slot = hash(words.getInt32(place, true));
      const distance = place - (last[slot] as number);
      back[place & 0xffff] = distance > 0xffff ? 0 : distance;
      last[slot] = place;
    }
    next = Math.max(next, at);
    const word = words.getInt32(at, true);
    const lowest = Math.max(0, at - 0xffff);
    let best = longer;
    let start = at;
    let distance = 0;
    let effort = patience;
    let from = last[hash(word)] as number;
    for (let tries = depth; from >= lowest && tries > 0 && effort > 0; tries--) {
      // A longer match has this byte in it.
      const probe = low + best;
      if (bytes[from + probe - at] === bytes[probe] && words.getInt32(from, true) === word) {
        let ahead = at + 4;
        const gap = at - from;
        while (ahead + 4 <= end && words.getInt32(ahead, true) === words.getInt32(ahead - gap, true))
          ahead += 4;
        while (ahead < end && bytes[ahead] === bytes[ahead - gap]) ahead++;
        let begin = at;
        while (begin > low && begin > gap && bytes[begin - 1] === bytes[begin - 1 - gap]) begin--;
        effort -= ahead - begin;
        if (ahead - begin > best) {
          best = ahead - begin;
          start = begin;
          distance = gap;
          if (ahead === end) break;
        }
      }
      const step = back[from & 0xffff] as number;
      if (step === 0) break;
      from -= step;
    }
    return distance === 0 ? undefined : { start, length: best, distance };
  };

  // A longer match that goes on where this one ends.
  const findLonger = ({ start, length }: Match): Match | undefined => {
    const at = start + length - 2;
    return length >= enough || at > lastStart ? undefined : find(at, start, length);
  };

  /** Bytes that a length takes beyond the token. */
  const extra = (length: number): number => (length < 15 ? 0 : 1 + Math.floor((length - 15) / 255));

  const putExtra = (length: number): void => {
    if (length < 15) return;
    const full = Math.floor((length - 15) / 255);
    output.fill(255, size, size + full);
    size += full;
    output[size++] = (length - 15) % 255;
  };

  const putLiterals = (count: number, token: number): void => {
    output[size++] = (Math.min(count, 15) << 4) | token;
    putExtra(count);
    output.set(input.subarray(anchor, anchor + count), size);
    size += count;
    anchor += count;
  };

  // Writes a sequence, if the end of the block still fits behind it; a match is shortened when that helps.
  const put = ({ start, length, distance }: Match): boolean => {
    const literals = start - anchor;
    const room = most - size - (1 + extra(literals) + literals + 2) - (1 + Math.max(5, 12 - length));
    if (room < 0) return false;
    const fitting = Math.min(length, 18 + 255 * room);
    putLiterals(literals, Math.min(fitting - 4, 15));
    output[size++] = distance & 0xff;
    output[size++] = distance >> 8;
    putExtra(fitting - 4);
    anchor += fitting;
    return fitting === length;
  };

  // Writes a match before another that overlaps with it. Where they meet is free: lengths above 18 take a byte more.
  const putBefore = (first: Match, second: Match): boolean => {
    const end = second.start + second.length;
    const least = second.start - first.start;
    const latest = Math.min(end - 4, lastStart);
    const length = Math.min(first.length, Math.max(least, Math.min(18, latest - first.start)));
    const cut = first.start + length - second.start;
    if (cut > 0) {
      second.start += cut;
      second.length -= cut;
    }
    return put({ ...first, length });
  };

  // Writes a match, or what is better, and what belongs to it. Tells whether there is room for more.
  const putBest = (found: Match): boolean => {
    let first = found;
    let before: Match | undefined;
    let second: Match | undefined;
    for (;;) {
      second ??= findLonger(first);
      if (second === undefined) return put(first);
      // What was dropped for a longer match is good again when that one is cut short itself.
      if (before !== undefined && second.start <= before.start + before.length) first = before;
      before = undefined;
      // Three literals cost no more than a sequence.
      if (second.start - first.start < 4) {
        before = first;
        first = second;
        second = undefined;
        continue;
      }
      const third = findLonger(second);
      if (third === undefined) return putBefore(first, second) && put(second);
      const gap = third.start - first.start - first.length;
      if (gap <= 3) {
        // The second one is not needed.
        if (!putBefore(first, third)) return false;
        first = third;
        second = undefined;
      } else {
        if (!putBefore(first, second)) return false;
        first = second;
        second = third;
      }
    }
  };

  return (bytes) => {
    input = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    lastStart = bytes.length - 12;
    lastEnd = bytes.length - 5;
    next = 0;
    anchor = 0;
    size = 0;
    last.fill(-65_536);
    for (let at = 1; at <= lastStart && at - anchor <= most - size; ) {
      const found = find(at, at, 3);
      if (found === undefined) at++;
      else if (putBest(found)) at = anchor;
      else break;
    }
    let literals = Math.min(bytes.length - anchor, most - size - 1);
    while (1 + extra(literals) + literals > most - size) literals--;
    putLiterals(literals, 0);
    return { length: anchor, bytes: output.subarray(0, size) };
  };
}
