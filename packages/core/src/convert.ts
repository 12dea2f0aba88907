import { availableParallelism } from 'node:os';
import {
  type Image,
  isOcirenderError,
  OcirenderError,
  type Output,
  parseOptions,
  summarizeTree,
} from '@ocirender/interface';
import { type MergePolicy, mergeLayers } from '@ocirender/overlay';
import { ConfigOutput } from './config-output.ts';
import { DiagnosticLog } from './diagnostic-log.ts';
import { identitySeed } from './identity-seed.ts';
import { imageOf } from './open-image.ts';
import type { ConvertOptions } from './options.ts';
import { outputKind, PathOutput } from './output.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { ConvertReport } from './report.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { StreamOutput } from './stream-output.ts';

/**
 * Converts an OCI image: merges its layers as they stream and writes the result through a sink. The output appears
 * under its name only when it is complete; a failure leaves nothing behind and what was there before untouched.
 *
 * @param options - image, sink, output and choices
 * @returns what was done
 * @throws {OcirenderError} for everything that is the image's, the environment's or the caller's fault
 */
export async function convert(options: ConvertOptions): Promise<ConvertReport> {
  const { sink, output, force = false, signal, planFirst = false } = options;
  const sinkOptions = parseOptions(sink.options, options.sinkOptions ?? {}, `the sink ${sink.name}`);
  const threads = checkThreads(options.threads ?? availableParallelism());
  const epoch = sourceDateEpoch(options.sourceDateEpoch);
  const given = output === undefined ? 'nothing' : typeof output === 'string' ? 'path' : 'stream';

  const policy = policyOf(options);
  const kind = outputKind(sink.outputs, given, sink.name);
  const diagnostics = new DiagnosticLog(options.onDiagnostic);
  const path =
    typeof output === 'string' && (kind === 'file' || kind === 'directory')
      ? await PathOutput.prepare(output, kind, force)
      : undefined;
  const { image, close } = await imageOf(options, diagnostics.add);
  const meter = new ProgressMeter(image.layers, options.onProgress);
  let config: ConfigOutput | undefined;
  const stream = output === undefined || typeof output === 'string' ? undefined : new StreamOutput(output);
  const begin = async (): Promise<Output> => (await path?.begin()) ?? stream?.output ?? { kind: 'none' };
  try {
    if (options.configOutput !== undefined) {
      config = await ConfigOutput.prepare(options.configOutput, image, force);
    }
    const result = await mergeLayers({
      layers: image.layers,
      openSession: async () =>
        sink.open({
          output: await begin(),
          options: sinkOptions,
          threads,
          sourceDateEpoch: epoch,
          seed: identitySeed(image.layers, policy, epoch),
          signal: signal ?? new AbortController().signal,
          diagnose: diagnostics.add,
          ...(options.openImage === undefined ? {} : { openImage: options.openImage }),
        }),
      rewindable: stream === undefined,
      planFirst,
      policy,
      limits: options.limits ?? {},
      sourceDateEpoch: epoch,
      ...(signal === undefined ? {} : { signal }),
      diagnose: diagnostics.add,
      observer: meter,
    });
    await stream?.end();
    await path?.commit(result.report.sidecars);
    await config?.commit();
    const timings = meter.finish();
    return {
      reference: image.reference,
      ...(image.manifestDigest === undefined ? {} : { manifestDigest: image.manifestDigest }),
      ...(image.platform === undefined ? {} : { platform: image.platform }),
      ...(image.config === undefined ? {} : { config: image.config.json, configDigest: image.config.digest }),
      sink: sink.name,
      ...(path === undefined ? {} : { output: path.target }),
      layers: layerReports(image, result.layers),
      tree: summarizeTree(result.tree),
      bytesIn: meter.bytesRead,
      bytesOut: result.report.bytesWritten,
      wastedBytes: result.wastedBytes,
      rereadBytes: result.rereadBytes,
      diagnostics: diagnostics.kept,
      diagnosticsDropped: diagnostics.dropped,
      diagnosticCounts: diagnostics.counts,
      details: result.report.details,
      timings,
    };
  } catch (error) {
    await path?.discard();
    await config?.discard();
    throw outOfSpace(error);
  } finally {
    stream?.release();
    await close();
  }
}

function layerReports(
  image: Image,
  merged: readonly { entries: number; whiteouts: number; tarBytes: number; milliseconds: number }[],
): ConvertReport['layers'] {
  return image.layers.map(({ digest, mediaType, size }, index) => ({
    digest,
    ...(mediaType === undefined ? {} : { mediaType }),
    size,
    ...merged[index]!,
  }));
}

function policyOf(options: ConvertOptions): Partial<MergePolicy> {
  const { lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices } = options;
  return Object.fromEntries(
    Object.entries({ lenient, parentSymlinks, keepDirlinks, xattrs, whiteoutDevices }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads;
  throw new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `threads must be a whole number from 1 to 1024, not ${threads}`,
  );
}

/** Says of a full disk what it means. */
function outOfSpace(error: unknown): unknown {
  if (!isOcirenderError(error) || error.hint !== undefined) return error;
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  if (error.code !== 'ERR_OCIRENDER_IO' || cause?.code !== 'ENOSPC') return error;
  return new OcirenderError(error.code, error.message, {
    cause,
    hint: 'The disk is full. Nothing was left behind; free some room or choose another place for the output.',
  });
}
