import { Convert } from './convert.ts';
import { Login } from './login.ts';
import { Logout } from './logout.ts';
import { Pull } from './pull.ts';
import { Sinks } from './sinks.ts';

/** The commands by id, for oclif's explicit strategy. */
export const COMMANDS: Readonly<Record<string, unknown>> = {
  convert: Convert,
  login: Login,
  logout: Logout,
  pull: Pull,
  sinks: Sinks,
};
