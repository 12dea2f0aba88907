import type { Xattrs } from '@ocirender/interface';
import koffi from 'koffi';

const library = koffi.load('libc.so.6');
const llistxattr = library.func('llistxattr', 'int64', ['void *', 'void *', 'size_t']);
const lgetxattr = library.func('lgetxattr', 'int64', ['void *', 'void *', 'void *', 'size_t']);
const lsetxattr = library.func('lsetxattr', 'int', ['void *', 'void *', 'void *', 'size_t', 'int']);

const cString = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(1)]);

/** Reads the attributes of one path, not following links; without what a security module adds by itself. */
export function readXattrs(path: Buffer): Xattrs {
  const names = Buffer.alloc(65536);
  const length = llistxattr(cString(path), names, names.length) as number;
  const xattrs = new Map<string, Uint8Array>();
  if (length < 0) return xattrs;
  for (const name of names.toString('latin1', 0, length).split('\0')) {
    if (name === '' || name === 'security.selinux') continue;
    const value = Buffer.alloc(65536);
    const size = lgetxattr(
      cString(path),
      cString(Buffer.from(name, 'latin1')),
      value,
      value.length,
    ) as number;
    if (size >= 0) xattrs.set(name, new Uint8Array(value.subarray(0, size)));
  }
  return xattrs;
}

/** Sets one attribute; false where the file system or the user may not. */
export function setXattr(path: string, name: string, value: string): boolean {
  const bytes = Buffer.from(value);
  return (
    (lsetxattr(cString(Buffer.from(path)), cString(Buffer.from(name)), bytes, bytes.length, 0) as number) ===
    0
  );
}
