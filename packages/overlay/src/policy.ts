/** Choices where appliers differ or users may want something else; the defaults are what container runtimes do. */
export interface MergePolicy {
  /**
   * Repair what is an error by default: hard links to nothing are dropped, entries below a file of the same layer
   * replace it, names that climb out of the root are clamped. Each repair is a diagnostic.
   */
  readonly lenient: boolean;
  /** An entry whose parent is a symbolic link: follow it inside the root, replace it by a directory, or refuse. */
  readonly parentSymlinks: 'follow' | 'replace' | 'error';
  /** A directory entry over a symbolic link to a directory keeps the link. */
  readonly keepDirlinks: boolean;
  /** `default` drops overlayfs' own attributes; `keep-overlay` keeps all; `none` drops all. */
  readonly xattrs: 'default' | 'keep-overlay' | 'none';
  /** A character device 0:0 is overlayfs' whiteout: act on it, keep it as a device, or refuse. */
  readonly whiteoutDevices: 'delete' | 'keep' | 'error';
}

/** What a container runtime does. */
export const DEFAULT_POLICY: MergePolicy = {
  lenient: false,
  parentSymlinks: 'follow',
  keepDirlinks: false,
  xattrs: 'default',
  whiteoutDevices: 'delete',
};
