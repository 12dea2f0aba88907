import { isOcirenderError, redactUserinfo } from '@ocirender/interface';
import { EXIT_CODES, exitCodeFor } from './exit-codes.ts';
import { limitHint } from './limit-hint.ts';

/** One level below an error. */
export interface FailureCause {
  readonly code?: string;
  readonly message: string;
}

/** A thrown value, made ready to be shown: what `--json` prints under `error`. */
export interface Failure {
  /** An `ERR_OCIRENDER_*` code, or `ERR_INTERNAL` for what should not have happened. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** The errors below, outermost first. */
  readonly causes: readonly FailureCause[];
  /** What the error has to report besides, as plain data; only `--json` shows it. */
  readonly details?: unknown;
  /** Only for what should not have happened. */
  readonly stack?: string;
}

/** A failure and the process's exit status for it. */
export interface DescribedFailure {
  readonly failure: Failure;
  readonly exitCode: number;
  /** The message has several lines and all of them are the program's own. */
  readonly isMultiline?: true;
}

/** More levels than this are a loop or noise. */
const MAX_CAUSES = 16;

/**
 * Decides what a thrown value is: the user's, the input's or the environment's fault (an ocirender error, an
 * oclif usage error), or a bug.
 *
 * @param error - anything that was thrown
 * @returns what to show, and the exit status
 */
export function describeFailure(error: unknown): DescribedFailure {
  const causes = causesOf(error);
  if (isOcirenderError(error)) {
    const hint = limitHint(error) ?? hintOf(error);
    return {
      failure: {
        code: error.code,
        message: redactUserinfo(error.message),
        ...(hint === undefined ? {} : { hint: redactUserinfo(hint) }),
        causes,
        ...('details' in error ? { details: error.details } : {}),
      },
      exitCode: exitCodeFor(error.code),
    };
  }
  const message = redactUserinfo(error instanceof Error ? error.message : String(error));
  const oclifExit = oclifExitOf(error);
  if (oclifExit !== undefined) {
    return {
      failure: {
        code: 'ERR_OCIRENDER_USAGE',
        message: message.replace(HELP_LINE, '').trimEnd(),
        causes,
        ...(HELP_LINE.test(message) ? { hint: HELP_HINT } : {}),
      },
      exitCode: oclifExit,
      isMultiline: true,
    };
  }
  const stack = error instanceof Error && error.stack !== undefined ? redactUserinfo(error.stack) : undefined;
  return {
    failure: { code: 'ERR_INTERNAL', message, causes, ...(stack === undefined ? {} : { stack }) },
    exitCode: EXIT_CODES.failed,
  };
}

/** What oclif's parser ends its messages with, and what we say. */
const HELP_LINE = /\n?See more help with --help\s*$/;
const HELP_HINT = 'See --help.';

/**
 * Gives the status with which `this.exit()` wants to end: that travels as an error, and is none.
 *
 * @param error - anything that was thrown
 * @returns undefined for everything else
 */
export function requestedExit(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT' ? oclifExitOf(error) : undefined;
}

function oclifExitOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('oclif' in error)) return undefined;
  const details = error.oclif;
  if (typeof details !== 'object' || details === null || !('exit' in details)) return undefined;
  return typeof details.exit === 'number' ? details.exit : undefined;
}

function* levelsBelow(error: unknown): Generator<Error> {
  let level = error instanceof Error ? error.cause : undefined;
  for (let count = 0; level instanceof Error && count < MAX_CAUSES; count++) {
    yield level;
    level = level.cause;
  }
}

function causesOf(error: unknown): FailureCause[] {
  const causes: FailureCause[] = [];
  let above = error instanceof Error ? error.message : '';
  for (const level of levelsBelow(error)) {
    // A wrapper that already quotes its cause says everything; do not say it twice.
    if (!above.includes(level.message)) {
      const code = 'code' in level && typeof level.code === 'string' ? { code: level.code } : {};
      causes.push({ ...code, message: redactUserinfo(level.message) });
    }
    above = level.message;
  }
  return causes;
}

function hintOf(error: Error): string | undefined {
  for (const level of [error, ...levelsBelow(error)]) {
    if ('hint' in level && typeof level.hint === 'string') return level.hint;
  }
  return undefined;
}
