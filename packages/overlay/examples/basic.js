// Merges two layers that are made on the spot, with a sink that keeps contents in memory.
import { createHash } from 'node:crypto';
import { NO_XATTRS, walkTree } from '@ocirender/interface';
import { mergeLayers } from '@ocirender/overlay';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';

function layer(files) {
  const parts = [];
  for (const [path, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    parts.push(
      encodeTarHeader({
        path,
        type: 'file',
        size: data.length,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        mtimeNs: 0,
        linkTarget: '',
        devMajor: 0,
        devMinor: 0,
        xattrs: NO_XATTRS,
      }),
      data,
      Buffer.alloc(tarPadding(data.length)),
    );
  }
  const bytes = Buffer.concat([...parts, END_OF_ARCHIVE]);
  return {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    size: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

const contents = [];
const { tree, wastedBytes } = await mergeLayers({
  layers: [
    layer({ 'etc/motd': 'old', 'etc/issue': 'Debian' }),
    layer({ 'etc/motd': 'new', 'etc/.wh.issue': '' }),
  ],
  openSession: async () => ({
    placement: 'any',
    write: (content) => contents.push(Buffer.from(content).toString()) - 1,
    finish: async () => ({ bytesWritten: 0, details: {} }),
    abort: async () => {},
  }),
});
for (const { path, inode } of walkTree(tree)) {
  console.log(path || '/', inode.type === 'file' ? contents[inode.content] : '');
}
console.log({ wastedBytes });
