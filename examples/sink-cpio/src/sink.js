/** @import { ByteString, FileInode, SinkContext, SinkSession, Tree } from '@ocirender/interface' */
import {
  byteStringFromText,
  defineSink,
  NO_XATTRS,
  OcirenderError,
  throwIfAborted,
} from '@ocirender/interface';
import { CpioArchive } from './archive.js';
import { openDestination } from './destination.js';

/** Writes a cpio archive in the format newc, which Linux unpacks as its initramfs. */
export const cpioSink = defineSink({
  name: 'cpio',
  summary: 'Writes a cpio archive (newc) that Linux takes as an initramfs.',
  extensions: ['.cpio'],
  outputs: ['file', 'stream'],
  options: {
    init: {
      type: 'string',
      placeholder: 'PATH',
      description: 'Add a symbolic link /init to PATH: the program that Linux starts.',
    },
  },
  open: openSession,
});

/**
 * @param {SinkContext} context
 * @returns {Promise<SinkSession>}
 */
async function openSession({ output, options, sourceDateEpoch = 0, signal, diagnose }) {
  throwIfAborted(signal);
  const init = options['init'] === undefined ? undefined : byteStringFromText(String(options['init']));
  if (init === '')
    throw new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', 'sink cpio: option "init" is empty');
  const destination = await openDestination(output);
  const archive = new CpioArchive(async (bytes) => {
    throwIfAborted(signal);
    await destination.write(bytes);
  }, diagnose);
  let hasBegun = false;
  let contents = 0;

  /** @param {Tree} tree */
  const begin = async (tree) => {
    if (hasBegun) return;
    hasBegun = true;
    if (init !== undefined && tree.root.children.has('init')) {
      throw new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', 'the image has a /init of its own', {
        hint: 'Leave out -O init.',
      });
    }
    await archive.begin(tree);
  };

  return {
    // Directories come first, and a header says how many names its inode has: nothing can be written before the
    // whole tree is known. The engine reads the layers twice for that.
    placement: 'planned',
    async write(content, { size, placement, tree }) {
      if (tree === undefined) throw new Error('cpio: contents came without the tree');
      await begin(tree);
      await archive.content(fileAt(tree, placement.path), placement.path, content, size);
      return contents++;
    },
    async finish(tree) {
      await begin(tree);
      await archive.rest(tree);
      if (init !== undefined) {
        const owner = { mode: 0o777, uid: 0, gid: 0, xattrs: NO_XATTRS };
        // No clock: SOURCE_DATE_EPOCH is the only time that an output may have of its own.
        const time = { mtime: sourceDateEpoch, mtimeNs: 0 };
        await archive.symlink('init', { type: 'symlink', target: init, ...owner, ...time });
      }
      await archive.end();
      await destination.close();
      const { bytes, members, timesTruncated } = archive;
      return { bytesWritten: bytes, details: { members, timesTruncated } };
    },
    abort: () => destination.abandon(),
  };
}

/**
 * @param {Tree} tree
 * @param {ByteString} path
 * @returns {FileInode}
 */
function fileAt({ root }, path) {
  /** @type {import('@ocirender/interface').Inode | undefined} */
  let inode = root;
  for (const name of path.split('/'))
    inode = inode?.type === 'directory' ? inode.children.get(name) : undefined;
  if (inode?.type !== 'file') throw new Error(`cpio: no file "${path}" in the tree`);
  return inode;
}
