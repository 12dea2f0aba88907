import { byteStringToBytes, bytesToByteString, type Entry } from '@ocirender/interface';

/**
 * No tar can hold a socket. Between a source that finds one in a file system and the merge it travels as a FIFO with this
 * record, which only readers that are told to look for it understand.
 */
export const SOCKET_RECORD = 'OCIRENDER.type';

const SOCKET = 'socket';

/** The record's value. */
export const SOCKET_VALUE: Uint8Array = byteStringToBytes(SOCKET);

/**
 * Makes a socket of a FIFO that is marked as one.
 *
 * @param entry - any entry; changed
 */
export function unmarkSocket(entry: Entry): void {
  if (entry.type !== 'fifo' || entry.extraPax === undefined) return;
  const value = entry.extraPax.get(SOCKET_RECORD);
  if (value === undefined || bytesToByteString(value) !== SOCKET) return;
  entry.type = 'socket';
  const others = [...entry.extraPax].filter(([key]) => key !== SOCKET_RECORD);
  if (others.length > 0) entry.extraPax = new Map(others);
  else delete entry.extraPax;
}
