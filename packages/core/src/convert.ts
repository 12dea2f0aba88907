import { availableParallelism } from 'node:os';
import {
  type Image,
  isOcirenderError,
  type Layer,
  OcirenderError,
  parseOptions,
  summarizeTree,
} from '@ocirender/interface';
import { type MergedLayer, mergeLayers } from '@ocirender/overlay';
import { DiagnosticLog } from './diagnostic-log.ts';
import { identitySeed } from './identity-seed.ts';
import { imageOf } from './open-image.ts';
import type { ConvertOptions } from './options.ts';
import { inputPaths } from './outputs/input-paths.ts';
import { openFifo } from './outputs/open-fifo.ts';
import { outputKind } from './outputs/output-kind.ts';
import { OutputSet } from './outputs/output-set.ts';
import { type OutputPlan, planOutputs } from './outputs/plan-outputs.ts';
import { RoomSession, roomAround } from './outputs/room-session.ts';
import { StreamOutput } from './outputs/stream-output.ts';
import { policyOf } from './policy-of.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { CacheReport, ConvertReport } from './report.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';

/**
 * Converts an OCI image: merges its layers as they stream and writes the result through a sink. The output appears
 * under its name only when it is complete; a failure leaves nothing behind and what was there before untouched.
 *
 * @param options - image, sink, output and choices
 * @returns what was done
 * @throws {OcirenderError} for everything that is the image's, the environment's or the caller's fault
 */
export async function convert(options: ConvertOptions): Promise<ConvertReport> {
  const { sink, output, signal, planFirst = false } = options;
  const sinkOptions = parseOptions(sink.options, options.sinkOptions ?? {}, `the sink ${sink.name}`);
  const threads = checkThreads(options.threads ?? availableParallelism());
  const epoch = sourceDateEpoch(options.sourceDateEpoch);
  const policy = policyOf(options);
  const diagnostics = new DiagnosticLog(options.onDiagnostic);
  const plan = await planOf(options);
  const { main } = plan;
  const outputs = new OutputSet(plan);
  const { image, close } = await imageOf(options, diagnostics.add);
  const meter = new ProgressMeter(image.layers, options.onProgress);
  let stream: StreamOutput | undefined;
  try {
    if (plan.config !== undefined) await outputs.writeConfig(configOf(image));
    if (main?.way === 'stream') stream = new StreamOutput(await openFifo(main.target, signal), signal, true);
    else if (typeof output === 'object') stream = new StreamOutput(output, signal);
    const result = await mergeLayers({
      layers: image.layers,
      openSession: async () => {
        const session = await sink.open({
          output: (await outputs.begin()) ?? stream?.output ?? { kind: 'none' },
          options: sinkOptions,
          threads,
          sourceDateEpoch: epoch,
          seed: identitySeed(image.layers, policy, epoch),
          lenient: options.lenient ?? false,
          signal: signal ?? new AbortController().signal,
          diagnose: diagnostics.add,
          ...(options.openImage === undefined ? {} : { openImage: options.openImage }),
        });
        const isBounded = sink.takesRoom === 'contents' && main !== undefined && stream === undefined;
        return isBounded ? new RoomSession(session, roomAround(main)) : session;
      },
      rewindable: stream === undefined,
      planFirst,
      policy,
      limits: options.limits ?? {},
      ...(options.cache === undefined ? {} : { cache: options.cache }),
      sourceDateEpoch: epoch,
      ...(signal === undefined ? {} : { signal }),
      diagnose: diagnostics.add,
      observer: meter,
    });
    await stream?.end();
    await outputs.commit(result.report, signal, () => options.onProgress?.({ type: 'committed' }));
    const timings = meter.finish();
    return {
      reference: image.reference,
      ...(image.manifestDigest === undefined ? {} : { manifestDigest: image.manifestDigest }),
      ...(image.platform === undefined ? {} : { platform: image.platform }),
      ...(image.config === undefined ? {} : { config: image.config.json, configDigest: image.config.digest }),
      sink: sink.name,
      ...(main === undefined ? {} : { output: main.target }),
      layers: layerReports(image, result.layers),
      ...(options.cache === undefined ? {} : { cache: cacheReport(image, result.layers) }),
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
    await outputs.discard();
    throw outOfSpace(error);
  } finally {
    stream?.release();
    await close();
  }
}

/** Looks at everything that will be written, before anything is read. */
async function planOf(options: ConvertOptions): Promise<OutputPlan> {
  const { sink, output, image, force = false, replaceDirectory = false } = options;
  const given = output === undefined ? 'nothing' : typeof output === 'string' ? 'path' : 'stream';
  const kind = outputKind(sink.outputs, given, sink.name);
  const isPath = typeof output === 'string' && (kind === 'file' || kind === 'directory');
  return planOutputs({
    main: isPath
      ? { name: output, kind, streams: sink.outputs.includes('stream'), sidecars: sink.sidecars ?? [] }
      : undefined,
    config: options.configOutput,
    inputs: [...(typeof image === 'string' ? await inputPaths(image) : []), ...(options.inputs ?? [])],
    force,
    replaceDirectory,
  });
}

function configOf({ config, reference }: Image): Uint8Array {
  if (config !== undefined) return config.bytes;
  throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${reference} has no image config`, {
    hint: 'Leave --config-out out.',
  });
}

function layerReports(image: Image, merged: readonly MergedLayer[]): ConvertReport['layers'] {
  return image.layers.map(({ digest, mediaType, size }, index) => ({
    digest,
    ...(mediaType === undefined ? {} : { mediaType }),
    size,
    ...merged[index]!,
  }));
}

function cacheReport({ layers }: Image, merged: readonly MergedLayer[]): CacheReport {
  const known = layers.filter((_, index) => merged[index]!.fromCache);
  const bytesOf = (some: readonly Layer[]): number => some.reduce((sum, { size }) => sum + size, 0);
  return {
    layers: known.length,
    bytesNotRead: bytesOf(known),
    // Only what comes over a network is fetched ahead.
    bytesNotDownloaded: bytesOf(known.filter(({ pass }) => pass !== undefined)),
  };
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
