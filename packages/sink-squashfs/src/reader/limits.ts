/** Largest data read at once, in bytes. */
export const MAX_READ_AHEAD: number = 1024 * 1024;

/** Largest window or dictionary that a compressed block may ask for, in bytes; valid ones ask for one block. */
export const MAX_WINDOW: number = 8 * 1024 * 1024;

/** Largest attribute value in bytes, as in Linux (`XATTR_SIZE_MAX`). */
export const MAX_XATTR_VALUE = 65_536;

/** Most bytes of names and values in one set of attributes. */
export const MAX_XATTR_SET: number = 1024 * 1024;

/** Most memory in bytes, roughly, that the nodes of one directory may take: some two million names. */
export const MAX_DIRECTORY_MEMORY: number = 1024 * 1024 * 1024;

/** Bytes that a decoder's memory should have beyond the limit, so that it sees the end instead of running out of room. */
export const SCRATCH_EXTRA = 64;

/** Fewest bytes that a metadata block takes: its header and one byte. */
export const MIN_METADATA_STORED = 3;
