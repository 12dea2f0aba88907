import { OcirenderError } from '@ocirender/interface';

/** Sink options that have flags of their own: those of several formats. Whether a sink has them, it says itself. */
export type NamedSinkOptions = Readonly<Record<'size' | 'label' | 'uuid', string | undefined>>;

/**
 * Reads `-O key=value` flags and their shorthands. What a key means is the sink's business.
 *
 * @param pairs - the values of `-O`; without `=` a key stands for a switch that is on
 * @param mksquashfs - `--mksquashfs`: means `-O engine=mksquashfs -O mksquashfs=PATH`
 * @param named - `--size`, `--label`, `--uuid`: mean `-O size=…` and so on
 * @returns values by key
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for an empty or repeated key
 */
export function parseSinkOptions(
  pairs: readonly string[],
  mksquashfs: string | undefined,
  named: Partial<NamedSinkOptions> = {},
): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  const set = (key: string, value: string): void => {
    if (key === '') throw usage(`-O ${JSON.stringify(`${key}=${value}`)} has no key`, 'Write -O key=value.');
    if (values.has(key)) throw usage(`the sink option "${key}" is given more than once`);
    values.set(key, value);
  };
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals === -1) set(pair, 'true');
    else set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  for (const [key, value] of Object.entries(named)) if (value !== undefined) set(key, value);
  if (mksquashfs !== undefined) {
    if (mksquashfs === '') throw usage('--mksquashfs is empty', 'Give the path of the program.');
    set('engine', 'mksquashfs');
    set('mksquashfs', mksquashfs);
  }
  return Object.fromEntries(values);
}

function usage(message: string, hint?: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_USAGE', message, hint === undefined ? {} : { hint });
}
