import type { Writable } from 'node:stream';
import { printBytes } from './print-bytes.ts';

const BATCH = 64 * 1024;

/**
 * Writes lines to standard output as fast as its reader takes them.
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
    text += `${line}\n`;
    if (text.length < BATCH) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}
