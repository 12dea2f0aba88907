import {
  type ByteString,
  byteStringFromText,
  type FollowOption,
  type ImageNode,
  type ImageReader,
  isOcirenderError,
} from '@ocirender/interface';

/** A name that was looked up. */
export interface FoundPath {
  /** From the root, without a leading slash. */
  readonly path: ByteString;
  readonly node: ImageNode;
}

/**
 * Looks up a path as the user wrote it: as it stands, else with the escapes that `ocirender ls` prints (`\\xNN`, `\\\\`),
 * since not every name can be typed.
 *
 * @param reader - an open image
 * @param text - the argument
 * @param options - whether a symbolic link at its end is followed
 * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` when there is no such name
 */
export async function findPath(
  reader: ImageReader,
  text: string,
  options: FollowOption = {},
): Promise<FoundPath> {
  const follow = options.follow === true || text.endsWith('/');
  const path = clean(byteStringFromText(text));
  try {
    return { path, node: await reader.stat(path, { follow }) };
  } catch (error) {
    if (!text.includes('\\') || !isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_NOT_FOUND')
      throw error;
    const unescaped = clean(withoutEscapes(path));
    return { path: unescaped, node: await reader.stat(unescaped, { follow }) };
  }
}

function clean(path: ByteString): ByteString {
  return path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}

function withoutEscapes(path: ByteString): ByteString {
  return path.replace(/\\(?:x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\}|(\\))/gi, (whole, byte, point, backslash) => {
    if (backslash !== undefined) return '\\';
    if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte as string, 16));
    const code = Number.parseInt(point as string, 16);
    return code > 0x10ffff ? (whole as string) : byteStringFromText(String.fromCodePoint(code));
  });
}
