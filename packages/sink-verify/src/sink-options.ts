import { OcirenderError, type OptionSchema, type OptionValues } from '@ocirender/interface';
import { type CompareOptions, DEFAULT_MAX_DIFFERENCES } from './compare/options.ts';
import { parseFields } from './parse-fields.ts';

/** The options of the sink `verify`. */
export const VERIFY_OPTIONS: OptionSchema = {
  reference: {
    type: 'string',
    description: 'The image to compare with: anything that "ocirender verify" takes.',
    placeholder: 'IMAGE|FILE|DIR',
  },
  ignore: {
    type: 'string',
    description: 'Fields that do not count, separated by commas: uid,gid,mtime,….',
    placeholder: 'FIELDS',
  },
  exclude: {
    type: 'string',
    description: 'Globs of paths that do not count, separated by colons.',
    placeholder: 'GLOBS',
  },
  'docker-export': {
    type: 'boolean',
    description: 'Leave out what "docker export" adds at run time.',
    default: false,
  },
  'max-differences': {
    type: 'integer',
    description: 'Differences to list; more are counted.',
    min: 0,
    max: 10_000_000,
    default: DEFAULT_MAX_DIFFERENCES,
  },
};

/**
 * Reads the sink's options.
 *
 * @param values - checked against {@link VERIFY_OPTIONS}
 * @returns the reference and how to compare
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` without a reference or for an unknown field
 */
export function readVerifyOptions(values: OptionValues): {
  readonly reference: string;
  readonly compare: CompareOptions;
} {
  const { reference, ignore, exclude } = values;
  if (typeof reference !== 'string' || reference === '') {
    throw new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', 'the sink verify needs the option "reference"', {
      hint: 'Say what to compare with: -O reference=PATH.',
    });
  }
  return {
    reference,
    compare: {
      ignore: typeof ignore === 'string' ? parseFields(ignore, 'ERR_OCIRENDER_INVALID_OPTION') : [],
      exclude: typeof exclude === 'string' ? exclude.split(':').filter((glob) => glob !== '') : [],
      dockerExport: values['docker-export'] === true,
      maxDifferences: Number(values['max-differences'] ?? DEFAULT_MAX_DIFFERENCES),
    },
  };
}
