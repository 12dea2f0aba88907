import { Convert } from './convert.ts';
import { Sinks } from './sinks.ts';

/** The commands by id, for oclif's explicit strategy. */
export const COMMANDS: Readonly<Record<string, unknown>> = { convert: Convert, sinks: Sinks };
