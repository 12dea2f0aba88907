import type { Content, ContentInfo, SinkSession } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { RoomSession } from './room-session.ts';

const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: new Map() };

function info(size: number, extents?: ContentInfo['extents']): ContentInfo {
  return { size, placement: { path: 'big\nfile', metadata }, ...(extents === undefined ? {} : { extents }) };
}

/** A disk with so many bytes, and a session that writes to it. */
function disk(size: number): { session: SinkSession; written: () => number; asked: () => number } {
  let written = 0;
  let asked = 0;
  const session: SinkSession = {
    placement: 'any',
    write: (_: Content, { size: bytes }) => {
      written += bytes;
      return 0;
    },
    finish: () => Promise.resolve({ bytesWritten: written, details: {} }),
    abort: () => Promise.resolve(),
  };
  const ask = (): number => {
    asked++;
    return size - written;
  };
  return { session: new RoomSession(session, ask), written: () => written, asked: () => asked };
}

const empty = new Uint8Array(0);

describe('RoomSession', () => {
  it('refuses a content that is larger than the room, before its first byte', () => {
    const { session, written } = disk(1000);
    expect(() => session.write(empty, info(1001))).toThrow(
      expect.objectContaining({
        code: 'ERR_OCIRENDER_IO',
        message: 'the disk is too small for the image: big\\x0afile has 1001 bytes, and 1000 are left',
        hint: expect.stringContaining('--max-total-size') as string,
      }),
    );
    expect(written()).toBe(0);
  });

  it('counts what has been announced, and looks again before it refuses', () => {
    const { session, written, asked } = disk(1000);
    for (let i = 0; i < 10; i++) expect(session.write(empty, info(100))).toBe(0);
    expect(written()).toBe(1000);
    expect(asked()).toBe(1);
    expect(() => session.write(empty, info(1))).toThrow('0 are left');
  });

  it('takes no account of holes, or of a filesystem that says nothing', () => {
    const { session } = disk(1000);
    expect(session.write(empty, info(10 ** 12, [{ offset: 5, length: 1000 }]))).toBe(0);
    const silent = new RoomSession(disk(10 ** 13).session, () => undefined);
    expect(silent.write(empty, info(10 ** 12))).toBe(0);
  });
});
