// What threads of tests do with each slot: what the bytes in it say.
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

/** Sets the third byte to the first one + 1; in the calling thread to the first one + 101. */
export function begin(data, isStopped) {
  if (data === 'cannot begin') throw new Error('no such library');
  return async ([memory]) => {
    const bytes = new Uint8Array(memory);
    if (bytes[1] === 255) throw new Error('codec broke');
    if (bytes[1] === 254) process.exit(3);
    if (bytes[1] === 253) while (!isStopped());
    await wait(bytes[1]);
    bytes[2] = bytes[0] + (isMainThread ? 101 : 1);
  };
}
