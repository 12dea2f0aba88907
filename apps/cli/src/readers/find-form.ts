import { open, stat } from 'node:fs/promises';
import { OcirenderError } from '@ocirender/interface';
import { recognizeDirectory } from '@ocirender/oci-layout';
import { parseSource, recognizeArchive, SOURCE_PREFIXES } from '@ocirender/sources';
import { unusableError } from '../plugins/load-export.ts';
import { MAGIC_BYTES, OCI_PREFIX, type ReaderCatalog, type ReaderEntry } from './catalog.ts';
import { type FirstPartition, firstPartition } from './partition-table.ts';

/** The form in which an image is there, and where. */
export type ImageForm =
  | { readonly kind: 'oci'; readonly reference: string }
  | { readonly kind: 'reader'; readonly entry: ReaderEntry; readonly path: string };

/** The reader of tars: of root file systems. Archives of images are tars too. */
const ARCHIVE_READER = 'tar';

/** The reader of directories. Its prefix is also that of skopeo's directories, which are images. */
const DIRECTORY_READER = 'dir';

/** Prefixes of images in other forms than those that readers read. */
const IMAGE_PREFIXES = SOURCE_PREFIXES.filter((prefix) => prefix !== `${DIRECTORY_READER}:`);

/**
 * Finds out what an image is: by its prefix (`NAME:…`), else by its content. No reader is loaded for it.
 *
 * @param spec - as the user wrote it: a file, a directory, `DIR:TAG`, `DIR@DIGEST`, with or without prefix; or an image in
 * any form that `@ocirender/sources` opens
 * @param catalog - the readers that are installed
 * @returns the form
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it is empty, `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_IO` when it cannot be read,
 * `ERR_OCIRENDER_FORMAT` when no reader knows the file
 */
export async function findForm(spec: string, catalog: ReaderCatalog): Promise<ImageForm> {
  const colon = spec.indexOf(':');
  const prefix = colon < 0 ? '' : spec.slice(0, colon);
  const rest = spec.slice(colon + 1);
  if (spec === '' || (rest === '' && colon >= 0)) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `${JSON.stringify(spec)} names no image`, {
      hint: 'Give a file, a directory, or an OCI layout: DIR, DIR:TAG or DIR@sha256:….',
    });
  }
  if (spec === '-' || IMAGE_PREFIXES.some((known) => spec.startsWith(known))) {
    return { kind: 'oci', reference: spec };
  }
  if (prefix === DIRECTORY_READER && (await recognizeDirectory(rest)) === 'docker-dir') {
    return { kind: 'oci', reference: spec };
  }
  const forced = catalog.readers.find(({ name }) => name === prefix);
  if (forced !== undefined) return { kind: 'reader', entry: forced, path: rest };
  const broken = catalog.broken.find(({ name }) => name === prefix && name !== undefined);
  const stats = await stat(spec).catch((error: NodeJS.ErrnoException) => error);
  if (broken !== undefined && stats instanceof Error) {
    throw unusableError('reader', { name: prefix, plugin: broken.plugin }, { reason: broken.reason });
  }
  if (stats instanceof Error) {
    // `DIR:TAG` is no path.
    if (stats.code === 'ENOENT' || stats.code === 'ENOTDIR') return { kind: 'oci', reference: onDisk(spec) };
    throw new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${spec}: ${stats.message}`, { cause: stats });
  }
  if (stats.isDirectory()) {
    if ((await recognizeDirectory(spec)) !== undefined || parseSource(spec).kind === 'overlay2') {
      return { kind: 'oci', reference: spec };
    }
    const entry = catalog.readers.find(({ magic }) => magic.length === 0);
    if (entry !== undefined) return { kind: 'reader', entry, path: spec };
    throw unknown(spec, 'is a directory, and no reader of directories is installed', catalog);
  }
  if (!stats.isFile() && !stats.isBlockDevice()) throw unknown(spec, 'is no regular file', catalog);
  const bytes = await beginning(spec);
  const entry = byMagic(bytes, catalog);
  const partition = entry === undefined ? firstPartition(bytes) : undefined;
  if (partition !== undefined) throw partitioned(spec, partition);
  if (entry === undefined) throw unknown(spec, 'is of no format that a reader knows', catalog);
  if (entry.name === ARCHIVE_READER && (await recognizeArchive(spec)) !== undefined)
    return { kind: 'oci', reference: spec };
  return { kind: 'reader', entry, path: spec };
}

/** A mistyped name of a file must not become a question to a registry: that takes the prefix here. */
function onDisk(spec: string): string {
  const source = parseSource(spec);
  if (source.kind !== 'registry') return spec;
  throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `there is no file or directory ${spec}`, {
    hint: `For an image in a registry write docker://${spec}.`,
  });
}

async function beginning(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const cause = error as Error;
    throw new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${path}: ${cause.message}`, { cause });
  }
}

/** The reader whose longest fitting magic is the longest; the first of the catalog where several are. */
function byMagic(bytes: Buffer, catalog: ReaderCatalog): ReaderEntry | undefined {
  let best: ReaderEntry | undefined;
  let bestLength = 0;
  for (const entry of catalog.readers) {
    for (const magic of entry.magic) {
      const wanted = Buffer.from(magic.bytes, 'hex');
      if (wanted.length <= bestLength) continue;
      if (!bytes.subarray(magic.offset, magic.offset + wanted.length).equals(wanted)) continue;
      best = entry;
      bestLength = wanted.length;
    }
  }
  return best;
}

function partitioned(spec: string, { table, number, start }: FirstPartition): OcirenderError {
  return new OcirenderError(
    'ERR_OCIRENDER_FORMAT',
    `${spec} is a partitioned disk (${table}): partition ${number} begins at byte ${start}`,
    {
      hint: `Give the partition by itself: losetup --find --show --offset ${start} ${spec} prints a device (as root), and tail -c +${start + 1} ${spec} >FILE makes a file.`,
    },
  );
}

function unknown(spec: string, problem: string, catalog: ReaderCatalog): OcirenderError {
  const prefixes = [OCI_PREFIX, ...catalog.readers.map(({ name }) => name)].map((name) => `${name}:`);
  return new OcirenderError('ERR_OCIRENDER_FORMAT', `${spec} ${problem}`, {
    hint: `Say what it is with a prefix: ${prefixes.join(', ')}. Other readers come as plugins.`,
  });
}
