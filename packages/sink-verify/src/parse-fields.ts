import { OcirenderError } from '@ocirender/interface';
import { DIFFERENCE_FIELDS, type DifferenceField } from './report/difference.ts';

/**
 * Reads a list of fields such as `uid,gid,mtime`.
 *
 * @param text - names separated by commas
 * @param code - of the error
 * @returns the fields
 * @throws {OcirenderError} `code` when a name is none of {@link DIFFERENCE_FIELDS}
 */
export function parseFields(
  text: string,
  code: 'ERR_OCIRENDER_USAGE' | 'ERR_OCIRENDER_INVALID_OPTION' = 'ERR_OCIRENDER_USAGE',
): DifferenceField[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map((word) => {
      const field = DIFFERENCE_FIELDS.find((known) => known === word);
      if (field !== undefined) return field;
      throw new OcirenderError(code, `${JSON.stringify(word)} is nothing that can be ignored`, {
        hint: `Choose from: ${DIFFERENCE_FIELDS.join(', ')}.`,
      });
    });
}
