import { type PassedOver, type PullReport, pullImage } from '@ocirender/registry';
import { watchInterrupts } from '../convert/interrupt.ts';
import { SOURCE_LIMIT_FLAGS } from '../convert/limit-flags.ts';
import { readLimits } from '../convert/limit-values.ts';
import type { DocumentLimitFlags } from '../convert/source-limit-flags.ts';
import type { ProgressMode } from '../progress/progress-mode.ts';
import { printMessage } from '../report/print-message.ts';
import { formatBytes, formatDuration } from '../report/units.ts';
import { startPullProgress } from './pull-progress.ts';
import { registryEventLine } from './registry-event-line.ts';
import type { RegistryFlags } from './registry-flags.ts';
import { registrySettings } from './registry-settings.ts';

/** What the command line says. */
export interface PullRequest {
  readonly image: string;
  readonly directory: string;
  readonly json: boolean;
  readonly flags: RegistryFlags &
    DocumentLimitFlags & {
      readonly platform?: string | undefined;
      readonly 'all-platforms': boolean;
      readonly quiet: boolean;
      readonly concurrency: number;
      readonly progress: ProgressMode;
    };
}

/**
 * Runs one pull: shows progress, stops on signals, prints the summary.
 *
 * @param request - the parsed command line
 * @returns the report for `--json`
 * @throws {OcirenderError} usage errors, and whatever the pull throws
 */
export async function runPull({ image, directory, flags, json }: PullRequest): Promise<PullReport> {
  const settings = await registrySettings(flags, process.stdin);
  const progress = startPullProgress(flags.quiet ? 'none' : flags.progress, process.stderr);
  const interrupt = watchInterrupts((again) => {
    progress.stop();
    printMessage(again ? 'Quitting at once.' : 'Interrupted: what has arrived stays for the next time.');
  });
  try {
    const report = await pullImage(image, directory, {
      ...settings,
      limits: readLimits(flags, SOURCE_LIMIT_FLAGS),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
      allPlatforms: flags['all-platforms'],
      concurrency: flags.concurrency,
      signal: interrupt.signal,
      onEvent(event) {
        progress.update(event);
        if (event.type === 'pull-start' || event.type === 'blob-present') return;
        if (event.type === 'passed-over') {
          progress.print(`note: ${passedOverLine(event)}`);
          return;
        }
        const line = registryEventLine(event);
        if (line !== undefined) progress.print(line);
      },
    });
    progress.stop();
    if (!json && !flags.quiet) printMessage(pullSummary(report));
    return report;
  } catch (error) {
    if (interrupt.exitCode !== undefined) process.exitCode = interrupt.exitCode;
    throw error;
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

/**
 * Writes what a pull did, for people.
 *
 * @returns lines for standard error
 */
export function pullSummary(report: PullReport): string[] {
  const { blobs, platform } = report;
  const count = (status: string): number => blobs.filter((blob) => blob.status === status).length;
  const facts = [
    `${formatBytes(report.fetchedBytes)} of ${formatBytes(report.totalBytes)} fetched`,
    ...(count('present') > 0 ? [`${count('present')} of ${blobs.length} blobs were there`] : []),
    ...(count('resumed') > 0 ? [`${count('resumed')} resumed`] : []),
  ];
  const parts = [platform?.os, platform?.architecture, platform?.variant].filter(
    (part) => part !== undefined,
  );
  return [
    `${report.reference} → ${report.directory}`,
    `  image    ${[report.digest, ...(parts.length > 0 ? [parts.join('/')] : [])].join(', ')}`,
    `  blobs    ${blobs.length}, ${facts.join(', ')}`,
    `  time     ${formatDuration(report.milliseconds)}`,
  ];
}

/** Says what a pull left out. */
function passedOverLine({ digest, mediaType, reason }: PassedOver): string {
  return `${digest} of type ${mediaType} is left out: ${reason}`;
}
