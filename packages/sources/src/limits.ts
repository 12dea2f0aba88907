/** Limits against hostile archives. Real ones stay far below. */
export interface ArchiveLimits {
  /** Members of one archive. @defaultValue 200000 */
  readonly members: number;
  /** Bytes of all members' names and link targets: the index is held in memory. @defaultValue 67108864 (64 MiB) */
  readonly nameBytes: number;
  /** Bytes that a compressed archive, or standard input, may take on disk. @defaultValue 1099511627776 (1 TiB) */
  readonly spoolBytes: number;
}

/** The limits in force where none are given. */
export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = {
  members: 200_000,
  nameBytes: 64 * 1024 * 1024,
  spoolBytes: 1024 ** 4,
};
