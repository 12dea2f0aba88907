/**
 * What a terminal obeys or does not show: control characters (line ends too), formatting characters (direction, joiners,
 * byte order mark, tags), line and paragraph separators, halves of surrogate pairs, and all that Unicode says to ignore.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Makes text from outside safe for a terminal and for one line: whatever a terminal would obey or hide is shown as an
 * escape, so that no name, tag or value can forge a line, move the cursor or turn the text around. Applying it twice
 * changes nothing.
 *
 * @param text - for example a message that quotes an image
 * @returns the text in visible characters: `\x0a`, `\u{202e}`
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/**
 * Writes a character as an escape.
 *
 * @param char - one code point
 * @returns `\xNN` or `\u{N…}`
 */
export function escapeCharacter(char: string): string {
  const code = char.codePointAt(0)!;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/**
 * Makes JSON text safe for a terminal without changing what it says: the same characters as JSON's own escapes. Line ends
 * stay, which in JSON text are layout.
 *
 * @param json - what `JSON.stringify` gave
 * @returns JSON text for the same value
 */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (char) => {
    if (char === '\n') return char;
    let escaped = '';
    for (let index = 0; index < char.length; index++) {
      escaped += `\\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }
    return escaped;
  });
}
