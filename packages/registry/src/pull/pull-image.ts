import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOcirenderError, OcirenderError, throwIfAborted } from '@ocirender/interface';
import type { RegistryClient } from '../client.ts';
import { connectRegistry } from '../connect-registry.ts';
import { wantedPlatform } from '../open-image.ts';
import { formatReference } from '../reference.ts';
import { BlobFile, PARTIAL_DIRECTORY } from './blob-file.ts';
import { inParallel } from './in-parallel.ts';
import { LayoutIndex } from './layout-index.ts';
import { type PassedOver, type PlannedBlob, planEverything, planImage } from './plan.ts';
import type { PulledBlob, PullOptions, PullReport } from './pull-report.ts';

const DEFAULT_CONCURRENCY = 3;
const MAX_CONCURRENCY = 64;

/**
 * Copies an image of a registry into an OCI image layout on disk. What is there already is checked and kept; what is
 * missing, damaged or incomplete is fetched, several blobs at once. `index.json` is written last and keeps other
 * images. Run only one pull into a directory at a time.
 *
 * @param reference - for example `nginx:1.27`
 * @param directory - a layout, or a directory that is empty or does not exist
 * @throws {OcirenderError} as `openRegistryImage`, and `ERR_OCIRENDER_OUTPUT_EXISTS`, `ERR_OCIRENDER_IO`; blobs that
 * are whole and parts of others stay for the next time
 */
export async function pullImage(
  reference: string,
  directory: string,
  options: PullOptions = {},
): Promise<PullReport> {
  const began = performance.now();
  const { signal, onEvent, allPlatforms = false } = options;
  throwIfAborted(signal);
  const concurrency = checkConcurrency(options.concurrency);
  const platform = wantedPlatform(options.platform);
  if (allPlatforms && platform !== undefined) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      'a platform and all platforms cannot be asked for together',
    );
  }
  const { reference: parts, client } = await connectRegistry(reference, options);
  let index: LayoutIndex | undefined;
  try {
    index = await LayoutIndex.open(directory, client.limits);
    const plan = allPlatforms
      ? await planEverything(client, parts, signal)
      : await planImage(client, parts, platform, signal);
    onEvent?.({ type: 'pull-start', blobs: plan.blobs });
    const store = join(directory, 'blobs');
    await mkdir(store, { recursive: true });
    const context = { client, repository: parts.repository, store, onEvent };
    const passedOver: PassedOver[] = [];
    const results = await inParallel(plan.blobs, concurrency, signal, async (blob, stop) => {
      try {
        return await pullBlob(context, blob, stop);
      } catch (error) {
        const reason = whyPassedOver(blob, error);
        if (reason === undefined) throw error;
        passedOver.push(reason);
        onEvent?.({ type: 'passed-over', ...reason });
        return undefined;
      }
    });
    const pulled = results.filter((blob) => blob !== undefined);
    for (const { digest, bytes } of plan.manifests) {
      const file = new BlobFile(store, digest, bytes.length);
      if (await file.isIntact(signal)) continue;
      await file.discard();
      await file.write(once(bytes), 0);
    }
    // Parts of other images' blobs may be there: then it stays.
    await rmdir(join(store, PARTIAL_DIRECTORY)).catch(() => {});
    throwIfAborted(signal);
    const { top } = plan;
    const names = index.enter({
      mediaType: top.mediaType,
      digest: top.digest,
      size: top.bytes.length,
      platform: plan.platform,
      tag: parts.tag,
      fullName:
        parts.tag === undefined
          ? undefined
          : formatReference({ registry: parts.registry, repository: parts.repository, tag: parts.tag }),
    });
    await index.write();
    return {
      reference: formatReference(parts),
      directory,
      digest: top.digest,
      mediaType: top.mediaType,
      ...(plan.platform === undefined ? {} : { platform: plan.platform }),
      names,
      manifests: plan.manifests.length,
      passedOver,
      blobs: pulled,
      totalBytes: pulled.reduce((sum, { size }) => sum + size, 0),
      fetchedBytes: pulled.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0),
      milliseconds: performance.now() - began,
    };
  } catch (error) {
    await index?.giveUp();
    throw error;
  } finally {
    await client.close();
  }
}

interface PullContext {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly store: string;
  readonly onEvent: PullOptions['onEvent'];
}

async function pullBlob(context: PullContext, blob: PlannedBlob, signal: AbortSignal): Promise<PulledBlob> {
  const { client, repository, store, onEvent } = context;
  const { digest, size } = blob;
  const file = new BlobFile(store, digest, size);
  if (await file.isIntact(signal)) {
    onEvent?.({ type: 'blob-present', digest });
    return { ...blob, status: 'present', fetchedBytes: 0 };
  }
  let isDoubtful = client.hasMirrors;
  const fetch = async (useMirrors: boolean): Promise<PulledBlob> => {
    const partial = await file.partialBytes();
    isDoubtful ||= partial > 0;
    const prefix = { read: () => file.readPartial(partial) };
    const stream = client.readBlob(repository, blob, {
      signal,
      useMirrors,
      ...(partial === 0 ? {} : { prefix }),
    });
    await file.write(stream, partial);
    return { ...blob, status: partial === 0 ? 'fetched' : 'resumed', fetchedBytes: size - partial };
  };
  try {
    return await fetch(true);
  } catch (error) {
    if (!isWrong(error)) throw await withPart(error, file);
    await file.discard();
    if (!isDoubtful) throw error;
  }
  // What lay on the disk, or what a mirror gave, may have been wrong: once more, all of it, from the registry itself.
  try {
    return await fetch(false);
  } catch (error) {
    if (!isWrong(error)) throw await withPart(error, file);
    await file.discard();
    throw error;
  }
}

/** What is of no known type and is served nowhere is no reason to go without the rest. */
function whyPassedOver(
  { kind, digest, mediaType = '' }: PlannedBlob,
  error: unknown,
): PassedOver | undefined {
  if (kind !== 'other' || !isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_NOT_FOUND')
    return undefined;
  return { digest, mediaType, reason: error.message };
}

/** The error of a blob of which a part has arrived names it: it is what the next pull goes on from. */
async function withPart(error: unknown, file: BlobFile): Promise<unknown> {
  if (!isOcirenderError(error) || error.code === 'ERR_OCIRENDER_ABORTED') return error;
  const bytes = await file.partialBytes();
  if (bytes === 0) return error;
  const part = `${bytes} of its ${file.size} bytes are kept in ${file.partialPath}: the next pull goes on from there.`;
  return new OcirenderError(error.code, error.message, {
    cause: error.cause,
    hint: error.hint === undefined ? part : `${error.hint} ${part}`,
  });
}

function isWrong(error: unknown): boolean {
  return isOcirenderError(error) && error.code === 'ERR_OCIRENDER_DIGEST_MISMATCH';
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function checkConcurrency(concurrency: number = DEFAULT_CONCURRENCY): number {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY) return concurrency;
  throw new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}`,
  );
}
