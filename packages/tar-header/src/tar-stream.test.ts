import type { Entry } from '@ocirender/interface';
import fc from 'fast-check';
import tarStream, { type Header } from 'tar-stream';
import { expect, test } from 'vitest';
import { arbitraryEntry } from '../test/arbitrary-entry.ts';
import { readEntries } from '../test/raw-tar.ts';
import { END_OF_ARCHIVE, encodeTarHeader } from './encode.ts';
import { tarPadding } from './padding.ts';

/*
 * tar-stream as a second opinion. It decodes names and PAX values as UTF-8 (binary xattrs and other names are
 * mangled), knows no GNU sparse files, and has times as a Date: entries here keep to ASCII names, text xattrs
 * and whole seconds.
 */
const ascii = fc
  .string({ unit: fc.constantFrom('a', 'b', '/'), minLength: 1, maxLength: 300 })
  .map((name) => `x${name}x`);
const plain = arbitraryEntry.chain((entry) =>
  fc.record({ path: ascii, linkTarget: ascii, text: ascii }).map(({ path, linkTarget, text }): Entry => {
    const isLink = entry.type === 'symlink' || entry.type === 'hardlink';
    const { extents: _, extraPax: __, ...rest } = entry;
    return {
      ...rest,
      path,
      linkTarget: isLink ? linkTarget : '',
      mtime: Math.abs(entry.mtime),
      mtimeNs: 0,
      devMajor: entry.devMajor % 4096,
      devMinor: entry.devMinor % 4096,
      xattrs: new Map([['user.text', new Uint8Array(Buffer.from(text))]]),
    };
  }),
);

const TYPES: Readonly<Record<string, string>> = { hardlink: 'link' };

function asHeaders(entry: Entry): object {
  return {
    name: entry.type === 'directory' ? `${entry.path}/` : entry.path,
    type: TYPES[entry.type] ?? entry.type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    seconds: entry.mtime,
    linkname: entry.linkTarget,
    devmajor: entry.devMajor,
    devminor: entry.devMinor,
    text: Buffer.from(entry.xattrs.get('user.text') ?? []).toString(),
  };
}

async function readWithTarStream(tar: Buffer): Promise<object[]> {
  const extract = tarStream.extract();
  extract.end(tar);
  const found: object[] = [];
  for await (const stream of extract) {
    const { header } = stream as unknown as { header: Header & { pax: Record<string, string> | null } };
    let size = 0;
    for await (const chunk of stream) size += (chunk as Buffer).length;
    // It overrides the header block's ids, size and names by PAX, but leaves the time to its caller.
    const seconds =
      header.pax?.['mtime'] === undefined ? header.mtime!.getTime() / 1000 : Number(header.pax['mtime']);
    found.push({
      name: header.name,
      type: header.type,
      mode: header.mode,
      uid: Number(header.pax?.['uid'] ?? header.uid),
      gid: Number(header.pax?.['gid'] ?? header.gid),
      size,
      seconds,
      linkname: header.linkname ?? '',
      devmajor: header.devmajor,
      devminor: header.devminor,
      text: header.pax?.['SCHILY.xattr.user.text'] ?? '',
    });
  }
  return found;
}

test('tar-stream reads what we write', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { maxLength: 3 }), async (entries) => {
      const parts = entries.flatMap((entry) => [
        encodeTarHeader(entry),
        Buffer.alloc(entry.size + tarPadding(entry.size), 'x'),
      ]);
      expect(await readWithTarStream(Buffer.concat([...parts, END_OF_ARCHIVE]))).toStrictEqual(
        entries.map(asHeaders),
      );
    }),
    { numRuns: 60 },
  );
});

test('we read what tar-stream writes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { maxLength: 3 }), async (entries) => {
      const pack = tarStream.pack();
      const chunks: Buffer[] = [];
      const done = (async () => {
        for await (const chunk of pack) chunks.push(chunk as Buffer);
      })();
      // It has no base-256 (ids and times are kept within its octal fields), and takes mode 0 for none.
      const kept = entries.map((entry) => ({
        ...entry,
        mode: entry.mode | 1,
        uid: entry.uid % 2 ** 18,
        gid: entry.gid % 2 ** 18,
        mtime: entry.mtime % 2 ** 30,
      }));
      for (const entry of kept) {
        const headers = asHeaders(entry) as Header;
        const pax = { 'SCHILY.xattr.user.text': Buffer.from(entry.xattrs.get('user.text')!).toString() };
        const size = entry.type === 'file' ? entry.size : 0;
        const typed: Header = { ...headers, mtime: new Date(entry.mtime * 1000), size };
        pack.entry({ ...typed, pax } as Header, Buffer.alloc(size, 'x'));
      }
      pack.finalize();
      await done;
      expect(readEntries(Buffer.concat(chunks)).map(asHeaders)).toStrictEqual(kept.map(asHeaders));
    }),
    { numRuns: 60 },
  );
});
