/** @import { Output } from '@ocirender/interface' */
import { open } from 'node:fs/promises';
import { OcirenderError } from '@ocirender/interface';

/**
 * @typedef {object} Destination
 * @property {(bytes: Uint8Array) => Promise<void>} write takes all bytes before it settles
 * @property {() => Promise<void>} close ends it well
 * @property {() => Promise<void>} abandon lets go of it after a failure, also while a write is pending; never throws
 */

/**
 * Opens what a session writes to.
 *
 * @param {Output} output
 * @returns {Promise<Destination>}
 */
export async function openDestination(output) {
  // Who gives a stream ends it.
  if (output.kind === 'stream')
    return { write: output.write, close: async () => {}, abandon: async () => {} };
  if (output.kind !== 'file') {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `the cpio sink cannot write to a ${output.kind}`);
  }
  const { path } = output;
  const handle = await open(path, 'wx').catch((error) => failed('create', path, error));
  /** @type {Promise<void>} */
  let pending = Promise.resolve();
  return {
    write: (bytes) => {
      // On a handle, writeFile() goes on where the last write ended.
      pending = handle.writeFile(bytes).catch((error) => failed('write', path, error));
      return pending;
    },
    close: () => handle.close().catch((error) => failed('complete', path, error)),
    abandon: async () => {
      // A descriptor that is closed under a write may be another file's by then.
      await pending.catch(() => {});
      await handle.close().catch(() => {});
    },
  };
}

/**
 * @param {string} what
 * @param {string} path
 * @param {Error} cause
 * @returns {never}
 */
function failed(what, path, cause) {
  throw new OcirenderError('ERR_OCIRENDER_IO', `cannot ${what} ${path}: ${cause.message}`, { cause });
}
