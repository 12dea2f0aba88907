import { constants } from 'node:fs';

/**
 * Numbers of the Linux system-call interface that Node does not name. They are the same on every
 * architecture that Node runs on.
 *
 * @see https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/asm-generic/fcntl.h
 */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const RENAME_NOREPLACE = 1;

const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

/** Opens a directory and nothing else, never through a symbolic link. */
export const OPEN_DIRECTORY: number =
  constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC;
/** Creates a file that must not exist. */
export const CREATE_FILE: number =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | O_CLOEXEC;
/** Opens an existing file, never through a symbolic link, never waiting for a FIFO's other end. */
export const OPEN_FILE: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;
/** Names a file without opening it: no driver is called, no link followed. */
export const OPEN_PATH: number = O_PATH | constants.O_NOFOLLOW | O_CLOEXEC;

export const S_IFMT = 0o170000;
/** File type bits of mknod(2) and stat(2) by kind of inode. */
export const FILE_TYPES = {
  fifo: 0o010000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  socket: 0o140000,
} as const;

/** uid_t and gid_t of all ones: "leave as it is" to chown(2), so no file can have it. */
export const NO_ID = 0xffffffff;

/** Longest name that is handed to the kernel, bytes; it refuses more than 255 by itself. */
export const MAX_NAME = 4095;
