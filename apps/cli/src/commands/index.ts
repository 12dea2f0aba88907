import { Cat } from './cat.ts';
import { Convert } from './convert.ts';
import { Inspect } from './inspect.ts';
import { Ls } from './ls.ts';
import { Sinks } from './sinks.ts';
import { Verify } from './verify.ts';

/** The commands by id, for oclif's explicit strategy. */
export const COMMANDS: Readonly<Record<string, unknown>> = {
  cat: Cat,
  convert: Convert,
  inspect: Inspect,
  ls: Ls,
  sinks: Sinks,
  verify: Verify,
};
