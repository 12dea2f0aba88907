/** A content as text of one char per byte in which long runs of zeros are counted: a hole of a terabyte is a few chars. */
export class ContentText {
  #text = '';
  #zeros = 0;

  /** Appends bytes, one char each. */
  add(bytes: string): void {
    const leading = /^\0*/.exec(bytes)![0].length;
    this.#zeros += leading;
    if (leading === bytes.length) return;
    const trailing = /\0*$/.exec(bytes)![0].length;
    this.#flush();
    this.#text += bytes
      .slice(leading, bytes.length - trailing)
      .replace(/\0{512,}/g, (run) => zeros(run.length));
    this.#zeros = trailing;
  }

  /** Appends zeros. */
  skip(count: number): void {
    this.#zeros += count;
  }

  /** Ends the content. */
  end(): string {
    this.#flush();
    return this.#text;
  }

  #flush(): void {
    this.#text += this.#zeros < 512 ? '\0'.repeat(this.#zeros) : zeros(this.#zeros);
    this.#zeros = 0;
  }
}

/** A char that no byte has marks the count. */
function zeros(count: number): string {
  return `∅${count}∅`;
}
