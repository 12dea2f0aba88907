import type { Writable } from 'node:stream';
import { convert } from '@ocirender/core';
import { type Diagnostic, type ImageSource, isOcirenderError, OcirenderError } from '@ocirender/interface';
import type { RegistryEvent } from '@ocirender/registry';
import type { ImagesDifferError } from '@ocirender/sink-verify';
import { ExitError } from '@oclif/core/errors';
import { openCache } from '../cache/open-cache.ts';
import { EXIT_CODES } from '../failure/exit-codes.ts';
import type { PluginLike } from '../plugins/catalog.ts';
import { startProgress } from '../progress/start-progress.ts';
import { readReaderCatalog } from '../readers/catalog.ts';
import { registryEventLine } from '../registry/registry-event-line.ts';
import { registrySettings } from '../registry/registry-settings.ts';
import { diagnosticLine } from '../report/diagnostic-line.ts';
import { type JsonReport, jsonReport } from '../report/json-report.ts';
import { printMessage } from '../report/print-message.ts';
import { summaryLines, warningLines } from '../report/summary.ts';
import { readSinkCatalog } from '../sinks/catalog.ts';
import { chooseSink } from '../sinks/choose-sink.ts';
import { loadSink } from '../sinks/load-sink.ts';
import type { ConvertFlags } from './convert-flags.ts';
import { convertSettings, imageReference } from './convert-settings.ts';
import { watchInterrupts } from './interrupt.ts';
import { mergeSettings } from './merge-settings.ts';
import { outputPath, resolveOutput } from './output-target.ts';

/** What the command line says. */
export interface ConvertRequest {
  readonly image: string | undefined;
  /** The positional OUTPUT. */
  readonly outputArgument: string | undefined;
  readonly flags: ConvertFlags;
  readonly json: boolean;
  readonly plugins: readonly PluginLike[];
}

/**
 * Runs one conversion: finds the sink, shows progress, cleans up on signals, prints the summary.
 *
 * @param request - the parsed command line
 * @returns the report for `--json`
 * @throws {OcirenderError} usage errors, and whatever the conversion throws
 */
export async function runConvert(request: ConvertRequest): Promise<JsonReport> {
  const { json } = request;
  const flags = { ...request.flags, output: outputPath(request.outputArgument, request.flags.output) };
  const image = imageReference(request.image, flags.image);
  const settings = convertSettings(flags);
  if (image === '-' && flags['password-stdin']) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      'the image "-" and --password-stdin both need standard input',
    );
  }
  const registry = await registrySettings(flags, process.stdin);
  const output = resolveOutput(flags.output, json, process.stdout);
  const catalog = readSinkCatalog(request.plugins);
  const { entry, sink } = await chooseSink(catalog, flags.sink, flags.output, loadSink);
  for (const other of catalog.broken) {
    if (other.name !== entry.name) continue;
    printMessage(`Warning: plugin ${other.plugin.name} also has a sink "${other.name}": ${other.reason}.`);
  }

  const openReference = async (spec: string): Promise<ImageSource> => {
    const { openSpec } = await import('../readers/open-image.ts');
    return openSpec(spec, readReaderCatalog(request.plugins), {
      ...mergeSettings(flags),
      source: { ...settings.source, registry },
      signal: interrupt.signal,
    });
  };
  const progress = startProgress(flags.quiet ? 'none' : flags.progress, process.stderr);
  let committed = false;
  const interrupt = watchInterrupts((again) => {
    progress.stop();
    printMessage(interruptLine(again, committed, output));
  });
  const onDiagnostic = (diagnostic: Diagnostic): void => progress.print(diagnosticLine(diagnostic));
  const onRegistryEvent = (event: RegistryEvent): void => {
    const line = registryEventLine(event);
    if (line !== undefined) progress.print(line);
  };
  try {
    const cache = await openCache(flags, onDiagnostic);
    const report = await convert({
      ...settings,
      ...(cache === undefined ? {} : { cache }),
      inputs: [...(settings.inputs ?? []), ...(cache === undefined ? [] : [cache.directory])],
      source: { ...settings.source, registry: { ...registry, onEvent: onRegistryEvent } },
      image,
      sink,
      ...(output === undefined ? {} : { output }),
      signal: interrupt.signal,
      onProgress: (event) => {
        committed ||= event.type === 'committed';
        progress.onProgress(event);
      },
      openImage: openReference,
      ...(flags.verbose ? { onDiagnostic } : {}),
    });
    progress.stop();
    const lines = flags.quiet ? warningLines(report) : summaryLines(report, flags.verbose);
    if (!json) printMessage(lines);
    return jsonReport(report);
  } catch (error) {
    if (interrupt.exitCode !== undefined) process.exitCode = interrupt.exitCode;
    progress.stop();
    if (!json) await printDifferences(error, image);
    // Whoever read the output went away and has said why, or has seen enough.
    if (output === process.stdout && isClosedPipe(error)) throw new ExitError(EXIT_CODES.failed);
    throw error;
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

/** Says what a signal leads to: it may come when there is nothing left to stop. */
function interruptLine(again: boolean, committed: boolean, output: string | Writable | undefined): string {
  if (again) return 'Quitting at once.';
  if (committed)
    return 'Interrupted too late: the output is in place. Removing what it replaced (again to quit)…';
  if (typeof output === 'string') return 'Interrupted: removing what was written (again to quit)…';
  return 'Interrupted: stopping (again to quit)…';
}

function isClosedPipe(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'EPIPE';
}

/** Prints what the sink `verify` found. */
async function printDifferences(error: unknown, image: string): Promise<void> {
  if (!isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_SINK_VERIFY_DIFFERENT') return;
  const { renderComparison } = await import('@ocirender/sink-verify');
  const { comparison } = error as OcirenderError & Partial<ImagesDifferError>;
  if (comparison === undefined) return;
  const labels = { subject: image, reference: comparison.reference.format };
  for (const line of renderComparison(comparison, labels)) printMessage(line);
}
