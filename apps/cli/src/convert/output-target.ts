import type { Writable } from 'node:stream';
import { OcirenderError } from '@ocirender/interface';

/** Standard output, as far as it matters here. */
export type OutputStream = Writable & { readonly isTTY?: boolean };

/**
 * Gives the output that was named, in either way.
 *
 * @param argument - the positional OUTPUT
 * @param flag - `--output`
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when both name one
 */
export function outputPath(argument: string | undefined, flag: string | undefined): string | undefined {
  if (argument === undefined || flag === undefined) return argument ?? flag;
  throw usage('the output is given twice: as an argument and with --output', 'Leave one out.');
}

/**
 * Reads `--output`. Whether the sink can write there is for the conversion to say.
 *
 * @param output - the flag's value; `-` is standard output
 * @param json - whether `--json` needs standard output
 * @param stdout - standard output
 * @returns a path, a stream, or undefined when the flag was not given
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for an empty path, or when standard output is taken or a terminal
 */
export function resolveOutput(
  output: string | undefined,
  json: boolean,
  stdout: OutputStream,
): string | Writable | undefined {
  if (output === '') throw usage('--output is empty', 'Give a path.');
  if (output !== '-') return output;
  if (json)
    throw usage('--json and --output - both need standard output', 'Give a path, or leave --json out.');
  if (stdout.isTTY === true) {
    throw usage('standard output is a terminal', 'Send it to a file or another program, or give a path.');
  }
  return stdout;
}

function usage(message: string, hint: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', message, { hint });
}
