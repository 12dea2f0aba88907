import { BLOCK_SIZE } from './format.ts';

/**
 * Gives the number of NULs that follow a body, up to the next whole block.
 *
 * @param size - bytes of the body
 * @returns 0 to 511
 */
export function tarPadding(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}
