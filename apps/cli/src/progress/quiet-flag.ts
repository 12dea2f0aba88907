import * as Flags from '@oclif/core/flags';

/** `--quiet` of the commands that say what they did. */
export const quietFlag = Flags.boolean({
  char: 'q',
  summary: 'Print nothing but warnings and errors.',
  exclusive: ['verbose'],
  helpGroup: 'DISPLAY',
});
