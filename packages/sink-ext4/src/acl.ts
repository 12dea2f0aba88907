/** `struct posix_acl_xattr_header`, the kernel's form: version 2, entries of 8 bytes. */
const KERNEL_VERSION = 2;
/** `ext4_acl_header`, ext4's form: version 1, entries of 4 bytes, or 8 where somebody is named. */
const DISK_VERSION = 1;
const HEADER = 4;
const LONG = 8;
const SHORT = 4;
const NO_ID = 0xffff_ffff;

/** Tags whose entries name a user or a group. */
const NAMED: ReadonlySet<number> = new Set([0x02, 0x08]);
const TAGS: ReadonlySet<number> = new Set([0x01, 0x02, 0x04, 0x08, 0x10, 0x20]);

/**
 * Turns the kernel's form of a POSIX ACL into ext4's.
 *
 * @param value - of `system.posix_acl_access` or `system.posix_acl_default`
 * @returns ext4's form; undefined when the value is malformed
 */
export function aclToDisk(value: Uint8Array): Uint8Array | undefined {
  if (value.length < HEADER || (value.length - HEADER) % LONG !== 0) return undefined;
  const from = viewOf(value);
  if (from.getUint32(0, true) !== KERNEL_VERSION) return undefined;
  const disk = new Uint8Array(value.length);
  const to = viewOf(disk);
  to.setUint32(0, DISK_VERSION, true);
  let end = HEADER;
  for (let at = HEADER; at < value.length; at += LONG) {
    const tag = from.getUint16(at, true);
    if (!TAGS.has(tag)) return undefined;
    to.setUint16(end, tag, true);
    to.setUint16(end + 2, from.getUint16(at + 2, true), true);
    if (NAMED.has(tag)) to.setUint32(end + 4, from.getUint32(at + 4, true), true);
    end += NAMED.has(tag) ? LONG : SHORT;
  }
  return disk.subarray(0, end);
}

/**
 * Turns ext4's form of a POSIX ACL into the kernel's.
 *
 * @param value - as it is on disk
 * @returns the kernel's form; undefined when the value is malformed
 */
export function aclFromDisk(value: Uint8Array): Uint8Array | undefined {
  if (value.length < HEADER) return undefined;
  const from = viewOf(value);
  if (from.getUint32(0, true) !== DISK_VERSION) return undefined;
  const kernel = new Uint8Array(HEADER + (LONG * (value.length - HEADER)) / SHORT);
  const to = viewOf(kernel);
  to.setUint32(0, KERNEL_VERSION, true);
  let end = HEADER;
  for (let at = HEADER; at < value.length; ) {
    if (value.length - at < SHORT) return undefined;
    const tag = from.getUint16(at, true);
    const named = NAMED.has(tag);
    if (!TAGS.has(tag) || (named && value.length - at < LONG)) return undefined;
    to.setUint16(end, tag, true);
    to.setUint16(end + 2, from.getUint16(at + 2, true), true);
    to.setUint32(end + 4, named ? from.getUint32(at + 4, true) : NO_ID, true);
    at += named ? LONG : SHORT;
    end += LONG;
  }
  return kernel.subarray(0, end);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
