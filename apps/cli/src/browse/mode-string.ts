import type { ImageNode } from '@ocirender/interface';

const TYPE_LETTERS: Readonly<Record<ImageNode['type'], string>> = {
  directory: 'd',
  file: '-',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
  socket: 's',
};

/**
 * Writes type and permissions as ls(1) does.
 *
 * @param node - an inode
 * @returns ten characters, for example `-rwsr-xr-x`
 */
export function modeString({ type, mode }: Pick<ImageNode, 'type' | 'mode'>): string {
  const triplet = (shift: number, special: number, letter: string): string => {
    const bits = (mode >> shift) & 7;
    const execute = (bits & 1) !== 0;
    const last = (mode & special) !== 0 ? (execute ? letter : letter.toUpperCase()) : execute ? 'x' : '-';
    return `${(bits & 4) === 0 ? '-' : 'r'}${(bits & 2) === 0 ? '-' : 'w'}${last}`;
  };
  return TYPE_LETTERS[type] + triplet(6, 0o4000, 's') + triplet(3, 0o2000, 's') + triplet(0, 0o1000, 't');
}
