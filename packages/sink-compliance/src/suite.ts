import { describe, test } from 'vitest';
import { abortChecks } from './abort-checks.ts';
import type { SinkCheck } from './check.ts';
import { contractChecks } from './contract-checks.ts';
import type { SinkSubject } from './subject.ts';
import { treeChecks } from './tree-checks.ts';
import { workChecks } from './work-checks.ts';

/** Time for one check, in ms: far more than one needs, so that only a hang meets it. */
const CHECK_TIMEOUT = 120_000;

/**
 * Gives every check of the sink contract, for runners other than vitest.
 *
 * @param subject - the sink under test
 * @returns the checks; each can run alone
 */
export function sinkChecks(subject: SinkSubject): SinkCheck[] {
  return [
    ...contractChecks(subject),
    ...treeChecks(subject),
    ...abortChecks(subject),
    ...workChecks(subject),
  ];
}

/**
 * Registers the suite of the sink contract with vitest.
 *
 * @param subject - the sink under test
 */
export function testSink(subject: SinkSubject): void {
  describe(subject.name, () => {
    for (const { name, run } of sinkChecks(subject)) test(name, run, CHECK_TIMEOUT);
  });
}
