const UNSAFE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes a message safe for a terminal: control characters (but line ends) and bidirectional overrides are
 * shown as escapes. System errors quote file names, and a file name can hold anything.
 *
 * @param text - a message
 * @returns the message without anything a terminal would obey
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === '\n') return char;
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
