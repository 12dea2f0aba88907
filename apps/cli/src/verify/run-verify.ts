import { availableParallelism } from 'node:os';
import {
  type Comparison,
  compareImages,
  jsonComparison,
  parseFields,
  renderComparison,
} from '@ocirender/sink-verify';
import { EXIT_CODES } from '../failure/exit-codes.ts';
import type { PluginLike } from '../plugins/catalog.ts';
import { readReaderCatalog } from '../readers/catalog.ts';
import { findForm } from '../readers/find-form.ts';
import { withReading } from '../readers/reading.ts';
import { printLines } from '../report/print-lines.ts';
import { openSide } from './open-side.ts';
import type { VerifyFlags } from './verify-flags.ts';
import { verifySides } from './verify-sides.ts';

/** What the command line says. */
export interface VerifyRequest {
  readonly subject: string | undefined;
  readonly reference: string | undefined;
  readonly flags: VerifyFlags;
  readonly json: boolean;
  readonly plugins: readonly PluginLike[];
}

/** What `ocirender verify --json` prints. */
export interface VerifyReport extends Omit<Comparison, 'subject' | 'reference'> {
  readonly subject: Comparison['subject'] & { readonly image: string };
  readonly reference: Comparison['reference'] & { readonly image: string };
  readonly milliseconds: number;
}

type Side = Awaited<ReturnType<typeof openSide>>;

const PHASES = { names: 'reading names', contents: 'comparing contents', offsets: 'looking closer' } as const;

/**
 * Compares two images, prints what differs and sets the exit status.
 *
 * @param request - the parsed command line
 * @returns the report for `--json`
 * @throws {OcirenderError} usage errors, and whatever reading an image throws
 */
export async function runVerify(request: VerifyRequest): Promise<VerifyReport> {
  const { flags, json } = request;
  const started = performance.now();
  const sides = verifySides({
    subject: request.subject,
    reference: request.reference,
    squashfsFlag: flags.squashfs,
    referenceFlag: flags.reference,
  });
  const ignore = (flags.ignore ?? []).flatMap((fields) => parseFields(fields));
  const catalog = readReaderCatalog(request.plugins);
  const forms = [await findForm(sides.subject, catalog), await findForm(sides.reference, catalog)] as const;
  return withReading(flags, async ({ settings, progress }) => {
    const threads = Math.max(1, Math.floor(availableParallelism() / 2));
    const stop = new AbortController();
    const signal = AbortSignal.any([settings.signal, stop.signal]);
    const failures: unknown[] = [];
    const opened = await Promise.allSettled(
      forms.map(async (form) => {
        try {
          return await openSide(form, { ...settings, signal, threads, strict: flags.strict });
        } catch (error) {
          // Opening the other one can take minutes.
          failures.push(error);
          stop.abort(error);
          throw error;
        }
      }),
    );
    try {
      if (failures.length > 0) throw failures[0];
      const [subject, reference] = opened.map((result) => (result as PromiseFulfilledResult<Side>).value);
      const comparison = await compareImages(subject!, reference!, {
        ignore,
        exclude: flags.exclude ?? [],
        dockerExport: flags['docker-export'],
        maxDifferences: flags['max-differences'],
        ...(settings.limits === undefined ? {} : { limits: settings.limits }),
        signal,
        onProgress: ({ phase, bytes, totalBytes: all }) => progress.update(PHASES[phase], bytes, all),
      });
      progress.stop();
      if (!json) await printComparison(comparison, sides);
      if (!comparison.equal) process.exitCode = EXIT_CODES.different;
      const report = jsonComparison(comparison);
      return {
        ...report,
        subject: { image: sides.subject, ...report.subject },
        reference: { image: sides.reference, ...report.reference },
        milliseconds: Math.round(performance.now() - started),
      };
    } finally {
      for (const result of opened) if (result.status === 'fulfilled') await result.value.close();
    }
  });
}

async function printComparison(
  comparison: Comparison,
  sides: { readonly subject: string; readonly reference: string },
): Promise<void> {
  await printLines(
    renderComparison(comparison, {
      subject: sides.subject,
      reference: sides.reference,
    }),
  );
}
