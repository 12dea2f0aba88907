import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a user's files would be who has no home: nowhere, as on Debian. */
const NO_HOME = '/nonexistent';

/**
 * The directory of the user's own files. A user whom the system does not know (containers run as any number) has none.
 *
 * @param environment - `HOME`, on Windows `USERPROFILE`
 */
export function homeOf(environment: Readonly<Record<string, string | undefined>>): string {
  const named = environment['HOME'] || environment['USERPROFILE'];
  if (named) return named;
  try {
    return homedir();
  } catch {
    return NO_HOME;
  }
}

/**
 * The directory of Docker's own files: `config.json`, contexts, certificates.
 *
 * @param environment - `DOCKER_CONFIG`, and as for {@link homeOf}
 */
export function dockerDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  return environment['DOCKER_CONFIG'] || join(homeOf(environment), '.docker');
}
