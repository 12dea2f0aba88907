import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Content,
  type ContentInfo,
  type ContentRef,
  displayPath,
  OcirenderError,
  type SinkReport,
  type SinkSession,
  type Tree,
} from '@ocirender/interface';
import type { PlannedOutput } from './plan-outputs.ts';

/** Gives the bytes that can still be written; undefined where the filesystem does not say. */
export type AskRoom = () => number | undefined;

/**
 * Asks the filesystem of an output for the room that it has left.
 *
 * @param output - where it will be
 * @returns how to ask
 */
export function roomAround({ target, way }: PlannedOutput): AskRoom {
  const directory = way === 'fill' ? target : dirname(target);
  return () => {
    try {
      const { bavail, blocks, bsize } = statfsSync(directory);
      return blocks === 0 ? undefined : bavail * bsize;
    } catch {
      return undefined;
    }
  };
}

/**
 * Stands before the session of a sink that stores contents as they are: one that is announced to be larger than the room on the
 * disk is refused before its first byte, instead of filling the disk that others need.
 */
export class RoomSession implements SinkSession {
  readonly #session: SinkSession;
  readonly #ask: AskRoom;
  /** What was left when it was last asked, less what has been announced since. */
  #room = 0;

  /**
   * @param session - the sink's
   * @param ask - see {@link roomAround}
   */
  constructor(session: SinkSession, ask: AskRoom) {
    this.#session = session;
    this.#ask = ask;
  }

  get placement(): SinkSession['placement'] {
    return this.#session.placement;
  }

  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    this.#require(info);
    return this.#session.write(content, info);
  }

  finish(tree: Tree): Promise<SinkReport> {
    return this.#session.finish(tree);
  }

  abort(reason: unknown): Promise<void> {
    return this.#session.abort(reason);
  }

  #require({ size, extents, placement }: ContentInfo): void {
    const bytes = extents === undefined ? size : extents.reduce((sum, { length }) => sum + length, 0);
    this.#room -= bytes;
    if (this.#room >= 0) return;
    const room = this.#ask();
    this.#room = (room ?? Number.MAX_SAFE_INTEGER) - bytes;
    if (this.#room >= 0) return;
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `the disk is too small for the image: ${displayPath(placement.path)} has ${bytes} bytes, and ${room} are left`,
      {
        cause: Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }),
        hint: 'Free some room or choose another place for the output; nothing was left behind. For images that you do not trust, --max-total-size says how much they may bring.',
      },
    );
  }
}
