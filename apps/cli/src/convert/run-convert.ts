import { convert } from '@ocirender/core';
import { type Diagnostic, OcirenderError } from '@ocirender/interface';
import type { RegistryEvent } from '@ocirender/registry';
import { startProgress } from '../progress/start-progress.ts';
import { registryEventLine } from '../registry/registry-event-line.ts';
import { registrySettings } from '../registry/registry-settings.ts';
import { diagnosticLine } from '../report/diagnostic-line.ts';
import { type JsonReport, jsonReport } from '../report/json-report.ts';
import { summaryLines } from '../report/summary.ts';
import { type PluginLike, readSinkCatalog } from '../sinks/catalog.ts';
import { chooseSink } from '../sinks/choose-sink.ts';
import { loadSink } from '../sinks/load-sink.ts';
import type { ConvertFlags } from './convert-flags.ts';
import { convertSettings, imageReference } from './convert-settings.ts';
import { watchInterrupts } from './interrupt.ts';
import { resolveOutput } from './output-target.ts';

/** What the command line says. */
export interface ConvertRequest {
  readonly image: string | undefined;
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
  const { flags, json } = request;
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
    process.stderr.write(
      `Warning: plugin ${other.plugin.name} also has a sink "${other.name}": ${other.reason}.\n`,
    );
  }

  const progress = startProgress(flags.progress, process.stderr);
  const interrupt = watchInterrupts((again) => {
    progress.stop();
    process.stderr.write(
      again ? 'Quitting at once.\n' : 'Interrupted: removing what was written (again to quit)…\n',
    );
  });
  const onDiagnostic = (diagnostic: Diagnostic): void => progress.print(diagnosticLine(diagnostic));
  const onRegistryEvent = (event: RegistryEvent): void => {
    const line = registryEventLine(event);
    if (line !== undefined) progress.print(line);
  };
  try {
    const report = await convert({
      ...settings,
      source: { ...settings.source, registry: { ...registry, onEvent: onRegistryEvent } },
      image,
      sink,
      ...(output === undefined ? {} : { output }),
      signal: interrupt.signal,
      onProgress: (event) => progress.onProgress(event),
      ...(flags.verbose ? { onDiagnostic } : {}),
    });
    progress.stop();
    if (!json) process.stderr.write(`${summaryLines(report, flags.verbose).join('\n')}\n`);
    return jsonReport(report);
  } catch (error) {
    if (interrupt.exitCode !== undefined) process.exitCode = interrupt.exitCode;
    throw error;
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}
