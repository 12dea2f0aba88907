import { Cache } from './cache/index.ts';
import { CachePrune } from './cache/prune.ts';
import { CacheVerify } from './cache/verify.ts';
import { Cat } from './cat.ts';
import { Convert } from './convert.ts';
import { Inspect } from './inspect.ts';
import { Login } from './login.ts';
import { Logout } from './logout.ts';
import { Ls } from './ls.ts';
import { Pull } from './pull.ts';
import { Sinks } from './sinks.ts';
import { Verify } from './verify.ts';
import { Version } from './version.ts';

/** The commands by id, for oclif's explicit strategy. */
export const COMMANDS: Readonly<Record<string, unknown>> = {
  cache: Cache,
  'cache:prune': CachePrune,
  'cache:verify': CacheVerify,
  cat: Cat,
  convert: Convert,
  inspect: Inspect,
  login: Login,
  logout: Logout,
  ls: Ls,
  pull: Pull,
  sinks: Sinks,
  verify: Verify,
  version: Version,
};
