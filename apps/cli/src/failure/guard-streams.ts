import { printable } from '@ocirender/interface';
import { EXIT_CODES } from './exit-codes.ts';

/**
 * Decides how the program ends when standard output cannot be written: in one line and with status 1, and without a word when
 * its reader went away (`ocirender sinks | head`), as other programs do. Whoever writes contents there listens to the
 * stream's errors itself ({@link printBytes}, `-o -`) and is left alone.
 *
 * @param stdout - standard output
 * @param stderr - standard error; where it cannot be written, there is nobody to tell
 */
export function guardStreams(
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
): void {
  stderr.on('error', () => {});
  // oclif's own throws the error, which ends in a stack trace.
  stdout.removeAllListeners('error');
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (stdout.listenerCount('error') > 1) return;
    if (error.code === 'EPIPE') process.exit();
    stderr.write(`Error: cannot write to standard output: ${printable(error.message)}\n`);
    process.exit(EXIT_CODES.failed);
  });
}
