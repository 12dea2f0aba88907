import { homedir, userInfo } from 'node:os';

/**
 * Gives a user whom the system does not know (`docker run --user 12345`, OpenShift) what oclif asks the system for when
 * the environment lacks it: a home, which does not exist, and a shell. To be called before oclif is loaded.
 *
 * @param environment - is completed
 */
export function adoptUnknownUser(environment: NodeJS.ProcessEnv = process.env): void {
  if (!answers(homedir)) environment['HOME'] = '/nonexistent';
  if (!environment['SHELL'] && !answers(userInfo)) environment['SHELL'] = '/bin/sh';
}

function answers(ask: () => unknown): boolean {
  try {
    ask();
    return true;
  } catch {
    return false;
  }
}
