import { throwIfAborted } from '@ocirender/interface';
import type { ByteInput } from './byte-input.ts';
import type { CodecContext } from './codec.ts';
import type { Compression } from './compression.ts';
import { detectCompression, HEAD_BYTES, isCutMagic, looksLikeTar } from './magic.ts';
import { compressionOfMediaType } from './media-type.ts';

/**
 * Decides how an input is compressed.
 *
 * @param input - looked at, not taken from
 * @param options - an explicit compression, or the media type
 * @param context - takes `media-type-mismatch`
 * @returns the compression
 * @throws {OcirenderError} `ERR_OCIRENDER_UNSUPPORTED_MEDIA_TYPE` when the media type is unknown
 */
export async function chooseCompression(
  input: ByteInput,
  options: { readonly mediaType?: string; readonly compression?: Compression },
  context: CodecContext,
): Promise<Compression> {
  if (options.compression !== undefined) return options.compression;
  const mediaType = options.mediaType;
  const declared = mediaType === undefined ? undefined : compressionOfMediaType(mediaType);
  const head = await input.peek(HEAD_BYTES);
  throwIfAborted(context.signal);
  const found = compressionOfBytes(head, declared);
  context.admit(found);
  if (declared !== undefined && found !== declared) {
    context.diagnose({
      code: 'media-type-mismatch',
      message: `${context.what}: the media type ${JSON.stringify(mediaType)} says ${declared}, the bytes are ${found}; read as ${found}`,
    });
  }
  return found;
}

/** A tar's first bytes are a file name, which may look like any magic: its header checksum decides. */
function compressionOfBytes(head: Uint8Array, declared: Compression | undefined): Compression {
  const detected = detectCompression(head);
  if (detected !== undefined && detected === declared) return detected;
  if (looksLikeTar(head)) return 'none';
  if (declared === undefined) return detected ?? 'none';
  // LZMA-alone has variants without a fixed first byte, and a cut input is truncated, not of another kind.
  if (detected === undefined || isCutMagic(head, declared)) return declared;
  return detected;
}
