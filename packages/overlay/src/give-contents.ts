import type { Content, ContentInfo, ContentRef, Layer, SinkSession, SourceLayer } from '@ocirender/interface';
import { type ReadContentsOptions, readContents } from './read-contents.ts';

/** A content that the session does not look at. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** How contents of one layer are given to a session. */
export interface GivenContent<T> {
  readonly session: SinkSession;
  /** Says what the session is told of a content. */
  readonly info: (item: T) => ContentInfo;
  /** Is told how the session calls it. */
  readonly stored: (item: T, ref: ContentRef) => void;
}

/**
 * Gives contents of one layer to a session, in archive order. The layer is read only if one of them is not among the kept work; to its
 * end then, so that its digests are checked.
 *
 * @param layer - the layer
 * @param contents - by the index of the archive member, in any order
 * @param source - what the session knows of the layer
 * @param given - whom they are given to
 * @param options - for reading
 * @returns whether the layer was read
 * @throws {OcirenderError} whatever is wrong with the layer; what the session throws
 */
export async function giveContents<T>(
  layer: Layer,
  contents: ReadonlyMap<number, T>,
  { kept }: SourceLayer,
  { session, info, stored }: GivenContent<T>,
  options: ReadContentsOptions,
): Promise<boolean> {
  const members = [...contents.keys()].sort((a, b) => a - b);
  let next = 0;
  // Gives what needs no bytes and comes before what does.
  const giveKept = async (): Promise<void> => {
    for (; next < members.length && kept?.has(members[next] as number) === true; next++) {
      const item = contents.get(members[next] as number) as T;
      const ref = session.write(NO_BYTES, info(item));
      stored(item, typeof ref === 'number' ? ref : await ref);
    }
  };
  const give = (item: T, content: Content): undefined | Promise<void> => {
    next++;
    const ref = session.write(content, info(item));
    if (typeof ref !== 'number') return ref.then((settled) => stored(item, settled));
    stored(item, ref);
    return undefined;
  };
  const unknown =
    kept === undefined ? contents : new Map([...contents].filter(([member]) => !kept.has(member)));
  if (unknown.size > 0) {
    await readContents(layer, unknown, options, (item, content) =>
      kept?.has(members[next] as number) === true
        ? giveKept().then(() => give(item, content))
        : give(item, content),
    );
  }
  await giveKept();
  return unknown.size > 0;
}
