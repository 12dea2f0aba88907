import { printable } from '@ocirender/interface';

/** Where messages go: a part of `tty.WriteStream`. */
export interface MessageStream {
  write(text: string): unknown;
}

/**
 * Writes lines to standard error. Whatever they quote of an image, a server or a file name becomes visible characters here,
 * so that it can neither forge a line nor move the cursor.
 *
 * @param lines - without line ends
 * @param stream - where to
 */
export function printMessage(
  lines: string | readonly string[],
  stream: MessageStream = process.stderr,
): void {
  for (const line of typeof lines === 'string' ? [lines] : lines) stream.write(`${printable(line)}\n`);
}
