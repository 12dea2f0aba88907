/** What a tar may ask of the reader's memory, per entry. */
export interface TarLimits {
  /**
   * Bytes of all PAX and GNU long-name headers of one entry; also bounds what global headers may accumulate.
   *
   * @defaultValue 1 MiB
   */
  paxHeaderBytes: number;
  /**
   * Bytes of a path or link target.
   *
   * @defaultValue 64 KiB
   */
  pathBytes: number;
  /**
   * Bytes of one entry's xattr names and values together.
   *
   * @defaultValue 512 KiB
   */
  xattrBytes: number;
  /**
   * Data extents of one sparse file.
   *
   * @defaultValue 262144
   */
  sparseExtents: number;
}

/** The limits that hold where the caller sets none. */
export const DEFAULT_TAR_LIMITS: Readonly<TarLimits> = {
  paxHeaderBytes: 1024 * 1024,
  pathBytes: 64 * 1024,
  xattrBytes: 512 * 1024,
  sparseExtents: 262_144,
};
