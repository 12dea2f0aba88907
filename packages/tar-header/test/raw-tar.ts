import type { ContentChunk, Entry } from '@ocirender/interface';
import { type TarEvent, TarReader, type TarReaderOptions } from '../src/index.ts';

/** Fields of a hand-made header block, raw. */
export interface RawHeader {
  name?: string;
  mode?: string;
  uid?: string | Uint8Array;
  gid?: string | Uint8Array;
  /** Octal text, raw bytes, or a number to be written in octal. */
  size?: string | number | Uint8Array;
  mtime?: string | Uint8Array;
  type?: string;
  linkName?: string;
  /** Magic and version; POSIX by default. */
  magic?: string;
  devMajor?: string;
  devMinor?: string;
  prefix?: string;
  /** Any other bytes, by offset. */
  at?: Readonly<Record<number, string | Uint8Array>>;
  /** `bad` leaves a wrong one. */
  checksum?: 'unsigned' | 'signed' | 'bad';
}

export const USTAR = 'ustar\x0000';
export const GNU = 'ustar  \0';
export const V7 = '\0\0\0\0\0\0\0\0';

export function rawHeader(header: RawHeader = {}): Buffer {
  const block = Buffer.alloc(512);
  const put = (offset: number, value: string | Uint8Array): void => {
    block.set(typeof value === 'string' ? Buffer.from(value, 'latin1') : value, offset);
  };
  const size = header.size ?? 0;
  put(0, header.name ?? 'file');
  put(100, header.mode ?? '0000644\0');
  put(108, header.uid ?? '0000000\0');
  put(116, header.gid ?? '0000000\0');
  put(124, typeof size === 'number' ? `${size.toString(8).padStart(11, '0')}\0` : size);
  put(136, header.mtime ?? '00000000000\0');
  put(156, header.type ?? '0');
  put(157, header.linkName ?? '');
  put(257, header.magic ?? USTAR);
  put(329, header.devMajor ?? '');
  put(337, header.devMinor ?? '');
  put(345, header.prefix ?? '');
  for (const [offset, value] of Object.entries(header.at ?? {})) put(Number(offset), value);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += header.checksum === 'signed' && byte >= 128 ? byte - 256 : byte;
  if (header.checksum === 'bad') sum++;
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** A body with its padding. */
export function body(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** One PAX record. */
export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`.length;
  let length = rest + 1;
  while (String(length).length + rest !== length) length++;
  return `${length} ${key}=${value}\n`;
}

/** A PAX header of records, as a whole. */
export function pax(records: Readonly<Record<string, string>> | string, type = 'x'): Buffer {
  const text =
    typeof records === 'string'
      ? records
      : Object.entries(records)
          .map(([key, value]) => record(key, value))
          .join('');
  return Buffer.concat([rawHeader({ name: 'PaxHeaders/x', type, size: text.length }), body(text)]);
}

/** A GNU long name (`L`) or link name (`K`). */
export function gnuLong(type: 'L' | 'K', value: string): Buffer {
  const text = `${value}\0`;
  return Buffer.concat([
    rawHeader({ name: '././@LongLink', type, size: text.length, magic: GNU }),
    body(text),
  ]);
}

export const END: Buffer = Buffer.alloc(1024);

/** Everything that a reader says about bytes given in pieces; adjacent data events are joined. */
export function readAll(
  tar: Uint8Array,
  cuts: readonly number[] = [],
  options: TarReaderOptions = {},
): TarEvent[] {
  const reader = new TarReader(options);
  const events: TarEvent[] = [];
  const take = (event: TarEvent): void => {
    const last = events.at(-1);
    if (event.type === 'data' && last?.type === 'data') last.bytes = Buffer.concat([last.bytes, event.bytes]);
    else events.push(event.type === 'data' ? { type: 'data', bytes: Buffer.from(event.bytes) } : event);
  };
  const edges = [0, ...[...cuts].sort((a, b) => a - b), tar.length];
  for (let index = 1; index < edges.length; index++) {
    for (const event of reader.write(tar.subarray(edges[index - 1], edges[index]))) take(event);
  }
  for (const event of reader.finish()) take(event);
  return events;
}

/** Only the entries. */
export function readEntries(tar: Uint8Array, options: TarReaderOptions = {}): Entry[] {
  return readAll(tar, [], options).flatMap((event) => (event.type === 'entry' ? [event.entry] : []));
}

/** Only the diagnostics' codes. */
export function readCodes(tar: Uint8Array): string[] {
  return readAll(tar).flatMap((event) => (event.type === 'diagnostic' ? [event.code] : []));
}

/** All bytes of a content, holes as zeros. */
export async function collect(content: AsyncIterable<ContentChunk>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) {
    chunks.push(chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.alloc(chunk.hole));
  }
  return Buffer.concat(chunks);
}

/** An entry with everything at its plainest. */
export function plainEntry(entry: Partial<Entry> = {}): Entry {
  return {
    type: 'file',
    path: 'file',
    size: 0,
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    xattrs: new Map(),
    ...entry,
  };
}
