import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { writeLayout } from '../../support/layout.ts';

/** Compressions of the collection's tars by their magic bytes, as the suffix of the layer's media type. */
const SUFFIXES: readonly (readonly [magic: RegExp, suffix: string])[] = [
  [/^1f8b/, '+gzip'],
  [/^28b52ffd/, '+zstd'],
  [/^425a68/, '+bzip2'],
  [/^fd377a585a00/, '+xz'],
];

/** Magic bytes of `compress`, which no layer may use. */
const COMPRESS = /^1f9d/;

/** Makes an OCI layout of a tar file as its only layer; what `compress` made is unpacked by gzip before. */
export async function wrapTar(file: string, directory: string): Promise<void> {
  const head = (await readFile(file)).toString('hex', 0, 6);
  const suffix = SUFFIXES.find(([magic]) => magic.test(head))?.[1] ?? '';
  const bytes = COMPRESS.test(head) ? await unpackCompress(file) : await readFile(file);
  const mediaType = `application/vnd.oci.image.layer.v1.tar${suffix}`;
  await writeLayout(directory, [{ bytes, mediaType }]);
}

async function unpackCompress(file: string): Promise<Uint8Array> {
  const options = { encoding: 'buffer', maxBuffer: 1 << 30 } as const;
  return (await promisify(execFile)('gzip', ['-dc', file], options)).stdout;
}
