import { OcirenderError } from '@ocirender/interface';
import type { Hook } from '@oclif/core/interfaces';
import { askWhetherMeant } from '../suggest.ts';

/** Says which command was probably meant. */
const unknownCommand: Hook.CommandNotFound = ({ id, config }) => {
  const words = id.split(':');
  const known = config.commandIDs.map((command) => command.replaceAll(':', ' '));
  // "plugins nosuch" is a command of a family that there is.
  const isFamily = known.some((command) => command.startsWith(`${words[0]} `));
  const typed = words.slice(0, isFamily ? 2 : 1).join(' ');
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `there is no command "${typed}"`, {
    hint: `${askWhetherMeant(typed, known)}"${config.bin} --help" lists the commands.`,
  });
};

export default unknownCommand;
