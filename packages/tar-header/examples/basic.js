import { END_OF_ARCHIVE, encodeTarHeader, readTar, tarPadding } from '@ocirender/tar-header';

// A name that is no UTF-8, and a binary xattr: one character for each byte.
const content = Buffer.from('hello\n');
const header = encodeTarHeader({
  type: 'file',
  path: 'caf\xe9',
  size: content.length,
  linkTarget: '',
  devMajor: 0,
  devMinor: 0,
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  mtime: 1_700_000_000,
  mtimeNs: 250_000_000,
  xattrs: new Map([['user.flags', new Uint8Array([0, 255])]]),
});

async function* tar() {
  yield header;
  yield content;
  yield Buffer.alloc(tarPadding(content.length));
  yield END_OF_ARCHIVE;
}

for await (const { entry, content: chunks } of readTar(tar())) {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk instanceof Uint8Array ? chunk.length : chunk.hole;
  console.log(entry.type, JSON.stringify(entry.path), bytes, 'bytes, xattr', entry.xattrs.get('user.flags'));
}
