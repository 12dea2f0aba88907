import * as Flags from '@oclif/core/flags';
import type { OptionFlag } from '@oclif/core/interfaces';
import { LIMIT_FLAGS, type LimitName } from './limit-flags.ts';

/**
 * Declares the flag of a limit.
 *
 * @param name - the limit
 */
export const limitFlag = (name: LimitName): OptionFlag<string | undefined> =>
  Flags.string({
    summary: `Limit on ${LIMIT_FLAGS[name].summary}.`,
    helpValue: LIMIT_FLAGS[name].unit === 'bytes' ? 'SIZE' : 'N',
    helpGroup: 'LIMIT',
  });
