import { execFile } from 'node:child_process';
import { abortedError, OcirenderError } from '@ocirender/interface';

/** The first version that takes a tar with all that an image can hold. */
const OLDEST = [4, 6] as const;

const HINT = 'Leave the engine out: the in-process one, which is the default, needs no external program.';

/**
 * Asks an mksquashfs for its version and refuses one that would write a wrong image.
 *
 * @param program - a path, or a name to be found in `PATH`
 * @param signal - aborts the wait
 * @returns the version, for example `4.6.1`
 * @throws {OcirenderError} `ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS` when it cannot be run or is older than 4.6
 */
export async function checkMksquashfs(program: string, signal: AbortSignal): Promise<string> {
  const said = await versionOutput(program, signal);
  const match = /mksquashfs version (\d+)\.(\d+)(\S*)/.exec(said);
  if (match === null) {
    throw refused(`"${program} -version" does not say that it is mksquashfs`);
  }
  const [, major, minor, rest] = match;
  const version = `${major}.${minor}${rest}`;
  const newEnough = Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
  if (!newEnough) {
    throw refused(
      `${program} is version ${version}, and ${OLDEST.join('.')} is the oldest that reads a tar without losing part of it`,
    );
  }
  return version;
}

async function versionOutput(program: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // Old versions exit with status 1 after printing it; only a program that did not run is an error.
    execFile(
      program,
      ['-version'],
      { signal, timeout: 10_000, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (signal.aborted) reject(abortedError(signal.reason));
        else if (error !== null && typeof error.code !== 'number') {
          reject(refused(`${program} cannot be run: ${error.message}`, error));
        } else resolve(stdout + stderr);
      },
    );
  });
}

function refused(message: string, cause?: Error): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_SINK_SQUASHFS_MKSQUASHFS', message, {
    hint: HINT,
    ...(cause === undefined ? {} : { cause }),
  });
}
