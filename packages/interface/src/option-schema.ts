import { OcirenderError } from './errors.ts';

interface OptionBase {
  /** One line for `ocirender sinks`. */
  readonly description: string;
  /** Name of the value in help texts. */
  readonly placeholder?: string;
}

/** One of a fixed set of words. */
export interface ChoiceOption extends OptionBase {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default?: string;
}

/** A whole number. */
export interface IntegerOption extends OptionBase {
  readonly type: 'integer';
  readonly min?: number;
  readonly max?: number;
  readonly default?: number;
}

/** A number of bytes; `K`, `M`, `G`, `T` (also `KiB`, …) multiply by powers of 1024. */
export interface SizeOption extends OptionBase {
  readonly type: 'size';
  readonly min?: number;
  readonly max?: number;
  readonly powerOfTwo?: boolean;
  readonly default?: number;
}

/** `true` or `false` (also `yes`, `no`, `on`, `off`, `1`, `0`). */
export interface BooleanOption extends OptionBase {
  readonly type: 'boolean';
  readonly default?: boolean;
}

/** Any text. */
export interface StringOption extends OptionBase {
  readonly type: 'string';
  readonly default?: string;
}

/** One option of a sink. */
export type OptionSpec = ChoiceOption | IntegerOption | SizeOption | BooleanOption | StringOption;

/** A sink's options by name (kebab-case). */
export type OptionSchema = Readonly<Record<string, OptionSpec>>;

/** The values of a schema's options after defaults were filled in. */
export type OptionValues = Readonly<Record<string, string | number | boolean | undefined>>;

const SIZE = /^(\d+)(?:([kmgt])(?:i?b)?)?$/i;
const SIZE_UNITS = ' kmgt';

/**
 * Reads a number of bytes such as `131072`, `128K` or `1MiB`.
 *
 * @param text - the spelling
 * @returns bytes, or undefined when it is none
 */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const unit = match[2] === undefined ? 0 : SIZE_UNITS.indexOf(match[2].toLowerCase());
  const bytes = Number(match[1]) * 1024 ** unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Checks and completes option values, given as text (command line) or typed (programs).
 *
 * @param schema - what is allowed
 * @param given - values by name; undefined counts as absent
 * @param owner - whose options, for messages: `sink squashfs`
 * @returns every option of the schema: the value, its default, or undefined
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` naming the option, what is wrong and what is allowed
 */
export function parseOptions(
  schema: OptionSchema,
  given: Readonly<Record<string, unknown>>,
  owner: string,
): OptionValues {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(schema, name)) {
      const known = Object.keys(schema);
      throw new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', `${owner} has no option "${name}"`, {
        hint: known.length === 0 ? 'It takes no options.' : `Its options are: ${known.join(', ')}.`,
      });
    }
  }
  const values: Record<string, string | number | boolean | undefined> = {};
  for (const [name, spec] of Object.entries(schema)) {
    const raw = given[name];
    values[name] = raw === undefined ? spec.default : parseOption(spec, raw, `${owner}: option "${name}"`);
  }
  return values;
}

function parseOption(spec: OptionSpec, raw: unknown, what: string): string | number | boolean {
  switch (spec.type) {
    case 'string':
      return typeof raw === 'string' ? raw : refuse(what, raw, 'text');
    case 'choice':
      return typeof raw === 'string' && spec.choices.includes(raw)
        ? raw
        : refuse(what, raw, `one of ${spec.choices.join(', ')}`);
    case 'boolean':
      return parseBoolean(raw) ?? refuse(what, raw, 'true or false');
    case 'integer':
      return parseInRange(spec, typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : raw, what, '');
    case 'size': {
      const bytes = parseInRange(spec, typeof raw === 'string' ? parseSize(raw) : raw, what, ' bytes', raw);
      if (spec.powerOfTwo === true && !Number.isInteger(Math.log2(bytes)))
        refuse(what, raw, 'a power of two');
      return bytes;
    }
  }
}

function parseBoolean(raw: unknown): boolean | undefined {
  if (typeof raw === 'boolean') return raw;
  if (raw === 'true' || raw === 'yes' || raw === 'on' || raw === '1' || raw === '') return true;
  if (raw === 'false' || raw === 'no' || raw === 'off' || raw === '0') return false;
  return undefined;
}

function parseInRange(
  spec: IntegerOption | SizeOption,
  value: unknown,
  what: string,
  unit: string,
  shown: unknown = value,
): number {
  const min = spec.min ?? (spec.type === 'size' ? 0 : Number.MIN_SAFE_INTEGER);
  const max = spec.max ?? Number.MAX_SAFE_INTEGER;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  return refuse(what, shown, `a whole number from ${min} to ${max}${unit}`);
}

function refuse(what: string, raw: unknown, allowed: string): never {
  throw new OcirenderError(
    'ERR_OCIRENDER_INVALID_OPTION',
    `${what}: ${JSON.stringify(raw)} is not ${allowed}`,
  );
}
