import { createHash } from 'node:crypto';
import type { Entry, Image, Layer } from '@ocirender/interface';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';

const BLOCK = 512;
const TAR = 'application/vnd.oci.image.layer.v1.tar';

/** What a test says of an entry; the rest is filled in. */
export type Member = Partial<Entry> & { readonly path: string; readonly data?: string };

/** The header and bytes of an entry. */
export function member({ data = '', ...part }: Member): Buffer {
  const header = encodeTarHeader({
    type: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    size: data.length,
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
    ...part,
  });
  return Buffer.concat([header, Buffer.from(data, 'latin1'), new Uint8Array(tarPadding(data.length))]);
}

/** A whole archive. */
export function archive(...parts: Uint8Array[]): Buffer {
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** A ustar header whose fields are chosen freely: also those that no writer would make. */
export function rawHeader(name: string, type: string, size: number | Uint8Array): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, 'latin1');
  block.write('0000644\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  if (typeof size === 'number') block.write(size.toString(8).padStart(11, '0'), 124, 'latin1');
  else block.set(size, 124);
  block.write('00000000000\0', 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  return sealed(block);
}

/** Sets the checksum of a header block. */
export function sealed(block: Buffer): Buffer {
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A PAX header with these records. */
export function pax(records: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    Object.entries(records)
      .map(([key, value]) => {
        const rest = ` ${key}=${value}\n`;
        let length = rest.length + 1;
        while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
        return `${length}${rest}`;
      })
      .join(''),
    'latin1',
  );
  return Buffer.concat([
    rawHeader('PaxHeader', 'x', body.length),
    body,
    new Uint8Array(tarPadding(body.length)),
  ]);
}

/** A layer of bytes, or of a stream made anew for each reading. */
export function layer(bytes: Uint8Array | (() => Iterable<Uint8Array>), compression = ''): Layer {
  const chunks = typeof bytes === 'function' ? bytes : () => [bytes];
  return {
    digest: `sha256:${createHash('sha256')
      .update(typeof bytes === 'function' ? String(bytes) : bytes)
      .digest('hex')}`,
    mediaType: compression === '' ? TAR : `${TAR}+${compression}`,
    size: typeof bytes === 'function' ? 0 : bytes.length,
    async *open() {
      yield* chunks();
    },
  };
}

/** An image of layers, oldest first. */
export function image(...layers: Layer[]): Image {
  return { reference: 'hostile', layers };
}
