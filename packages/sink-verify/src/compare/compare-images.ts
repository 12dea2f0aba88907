import { abortedError, type ImageSource, throwIfAborted } from '@ocirender/interface';
import { type ContentDifference, compareContents } from '../contents/compare-contents.ts';
import { findOffsets } from '../contents/find-offsets.ts';
import type { ComparedImage } from '../image/compared-image.ts';
import { LocalImage } from '../image/local-image.ts';
import { ThreadImage } from '../image/thread-image.ts';
import type { Comparison } from '../report/comparison.ts';
import { DifferenceLog } from '../report/difference-log.ts';
import { compareNames } from './compare-names.ts';
import { Exclusions } from './exclusions.ts';
import { DEFAULT_COMPARE_LIMITS } from './limits.ts';
import { type CompareOptions, type CompareProgress, DEFAULT_MAX_DIFFERENCES } from './options.ts';
import { TimeComparer } from './times.ts';

/**
 * Compares two images: their names, everything about their inodes, and all contents. Both are read at the same time.
 *
 * @param subject - the image that is checked; stays open
 * @param reference - what it should be; stays open
 * @param options - what counts, and limits
 * @returns what differs
 * @throws {OcirenderError} what reading an image throws; `ERR_OCIRENDER_USAGE` for a glob that cannot be understood
 * @throws {LimitError} when an image meets one of `options.limits`
 */
export function compareImages(
  subject: ImageSource | ThreadImage,
  reference: ImageSource | ThreadImage,
  options: CompareOptions = {},
): Promise<Comparison> {
  const compared = (image: ImageSource | ThreadImage): ComparedImage =>
    image instanceof ThreadImage ? image : new LocalImage(image, options.limits);
  return compareOpenImages(compared(subject), compared(reference), options);
}

/**
 * {@link compareImages} for any form in which an image can be compared.
 *
 * @param subject - the image that is checked
 * @param reference - what it should be
 * @param options - what counts, and limits
 * @returns what differs
 */
export async function compareOpenImages(
  subject: ComparedImage,
  reference: ComparedImage,
  options: CompareOptions,
): Promise<Comparison> {
  throwIfAborted(options.signal);
  const ignored = new Set(options.ignore ?? []);
  const exclusions = new Exclusions(options.exclude ?? [], options.dockerExport ?? false);
  const limits = { ...DEFAULT_COMPARE_LIMITS, ...options.limits };
  const log = new DifferenceLog(options.maxDifferences ?? DEFAULT_MAX_DIFFERENCES);
  const times = new TimeComparer(subject.times, reference.times);
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(abortedError(options.signal?.reason));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const tell = (phase: CompareProgress['phase'], bytes = 0, totalBytes = 0): void => {
    options.onProgress?.({ phase, bytes, totalBytes });
    throwIfAborted(stop.signal);
  };
  try {
    tell('names');
    const names = await compareNames(subject, reference, {
      ignored,
      exclusions,
      times,
      log,
      metadataBytes: limits.metadataBytes,
      signal: stop.signal,
    });
    const contents = await compareContents(subject, reference, names.pairs, {
      totalBytes: limits.totalBytes,
      signal: stop.signal,
      cancel: (reason) => stop.abort(reason),
      onProgress: (bytes, totalBytes) => tell('contents', bytes, totalBytes),
    });
    if (contents.different.length > 0) {
      tell('offsets');
      await logContents(subject, reference, contents.different, log, stop.signal);
    }
    return {
      equal: log.total === 0,
      subject: { format: subject.format, names: names.subjectNames },
      reference: { format: reference.format, names: names.referenceNames },
      differences: log.sorted(),
      differencesDropped: log.dropped,
      counts: log.counts(),
      commonNames: names.commonNames,
      comparedFiles: contents.files,
      comparedBytes: contents.bytes,
      times: times.report(),
      ignoredFields: [...ignored],
      ignoredPaths: exclusions.paths,
      ignoredPathsDropped: exclusions.pathsDropped,
      ignoredMetadata: exclusions.metadataLeftOut,
    };
  } catch (error) {
    throwIfAborted(options.signal);
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
}

async function logContents(
  subject: ComparedImage,
  reference: ComparedImage,
  different: readonly ContentDifference[],
  log: DifferenceLog,
  signal: AbortSignal,
): Promise<void> {
  const [a, b] = await Promise.all([subject.source(), reference.source()]);
  const kept = different.slice(0, log.room).map(({ pair }) => pair.path);
  const offsets = new Map<string, number>();
  if (a !== undefined && b !== undefined && kept.length > 0) {
    await findOffsets(a, b, kept, (path, offset) => offsets.set(path, offset), signal);
  }
  for (const { pair, subject: subjectDigest, reference: referenceDigest } of different) {
    const offset = offsets.get(pair.path);
    log.add({
      path: pair.path,
      kind: 'content',
      subject: subjectDigest,
      reference: referenceDigest,
      ...(offset === undefined ? {} : { offset }),
    });
  }
}
