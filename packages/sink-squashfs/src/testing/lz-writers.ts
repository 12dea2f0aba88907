interface Match {
  readonly distance: number;
  readonly length: number;
}

/** Finds the last place before `at` that begins with the same four bytes. */
function matcher(content: Uint8Array, most: number): (at: number) => Match | undefined {
  const seen = new Map<number, number>();
  let known = 0;
  const key = (at: number): number =>
    (content[at]! | (content[at + 1]! << 8) | (content[at + 2]! << 16) | (content[at + 3]! << 24)) >>> 0;
  return (at) => {
    if (at + 4 > content.length) return undefined;
    for (; known < at; known++) if (known + 4 <= content.length) seen.set(key(known), known);
    const from = seen.get(key(at));
    if (from === undefined || at - from > most) return undefined;
    let length = 4;
    while (at + length < content.length && content[from + length] === content[at + length]) length++;
    return { distance: at - from, length };
  };
}

/** Compresses to the LZ4 block format: greedily, for tests. */
export function lz4Block(content: Uint8Array): Uint8Array {
  const out: number[] = [];
  const find = matcher(content, 0xffff);
  const more = (rest: number): void => {
    let left = rest;
    for (; left >= 255; left -= 255) out.push(255);
    out.push(left);
  };
  const sequence = (literals: Uint8Array, match: Match | undefined): void => {
    const extra = match === undefined ? 0 : match.length - 4;
    out.push((Math.min(15, literals.length) << 4) | Math.min(15, extra));
    if (literals.length >= 15) more(literals.length - 15);
    out.push(...literals);
    if (match === undefined) return;
    out.push(match.distance & 0xff, match.distance >> 8);
    if (extra >= 15) more(extra - 15);
  };
  let from = 0;
  for (let at = 0; at < content.length; ) {
    const match = find(at);
    // The last five bytes are always literals.
    const length = match === undefined ? 0 : Math.min(match.length, content.length - 5 - at);
    if (match === undefined || length < 4) {
      at++;
      continue;
    }
    sequence(content.subarray(from, at), { distance: match.distance, length });
    at += length;
    from = at;
  }
  sequence(content.subarray(from), undefined);
  return Uint8Array.from(out);
}

/** Compresses to an LZO1X stream: greedily, for tests, with every kind of match of four bytes and more. */
export function lzo1xStream(content: Uint8Array): Uint8Array {
  const out: number[] = [];
  const find = matcher(content, 0xbfff);
  /** Where the last match wrote its count of literals: the two lowest bits. */
  let tail = -1;
  const long = (code: number, length: number, inline: number): void => {
    if (length <= inline) {
      out.push(code | length);
      return;
    }
    out.push(code);
    let left = length - inline;
    for (; left > 255; left -= 255) out.push(0);
    out.push(left);
  };
  const literals = (run: Uint8Array): void => {
    if (run.length === 0) return;
    if (tail < 0 && run.length <= 238) out.push(17 + run.length);
    else if (tail >= 0 && run.length <= 3) out[tail]! |= run.length;
    else long(0, run.length - 3, 15);
    out.push(...run);
  };
  const match = ({ distance, length }: Match): void => {
    const far = distance - 1;
    if (length <= 8 && distance <= 2048) {
      out.push(((length - 1) << 5) | ((far & 7) << 2), far >> 3);
      tail = out.length - 2;
      return;
    }
    if (distance <= 16_384) {
      long(32, length - 2, 31);
      out.push((far & 63) << 2, far >> 6);
    } else {
      const rest = distance - 16_384;
      long(16 | ((rest >> 14) << 3), length - 2, 7);
      out.push((rest & 63) << 2, (rest >> 6) & 0xff);
    }
    tail = out.length - 2;
  };
  let from = 0;
  for (let at = 0; at < content.length; ) {
    const found = find(at);
    // At exactly this distance a match would be the end.
    if (found === undefined || found.distance === 16_384 || at === 0) {
      at++;
      continue;
    }
    literals(content.subarray(from, at));
    match(found);
    at += found.length;
    from = at;
  }
  literals(content.subarray(from));
  out.push(17, 0, 0);
  return Uint8Array.from(out);
}
