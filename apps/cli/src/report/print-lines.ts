import type { Writable } from 'node:stream';
import { printable } from '@ocirender/interface';
import { printBytes } from './print-bytes.ts';

const BATCH = 64 * 1024;

/**
 * Writes lines to standard output as fast as its reader takes them. What a terminal would obey or hide becomes visible.
 *
 * @param lines - without line ends
 * @param stream - where to
 */
export async function printLines(
  lines: Iterable<string> | AsyncIterable<string>,
  stream: Writable = process.stdout,
): Promise<void> {
  await printBytes(batches(lines), stream);
}

async function* batches(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let text = '';
  for await (const line of lines) {
    text += `${printable(line)}\n`;
    if (text.length < BATCH) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}
