/** A file that is open for reading. */
export interface OpenFile {
  /** Bytes. */
  readonly size: number;
  /**
   * Reads some bytes.
   *
   * @param buffer - is filled from its start
   * @param position - in bytes from the start of the file
   * @returns how many were read; 0 at the end
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Reads to the end, each chunk an array of its own, and closes the file, also when the consumer stops early. */
  chunks(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
  /** Descriptor of the file in which its bytes lie: any thread may read them by position. */
  readonly fd: number;
  /** Offset of its first byte there. */
  readonly position: number;
}

/** The files of an image on disk: a directory, or an archive of one. Names are relative, with slashes between. */
export interface FileTree {
  /** What the user called it. */
  readonly label: string;
  /**
   * @param name - of a file
   * @returns where that is, for messages
   */
  locate(name: string): string;
  /**
   * @param name - of a file
   * @returns whether there is something of that name
   */
  exists(name: string): Promise<boolean>;
  /**
   * Opens a regular file; links are followed, but never out of the tree.
   *
   * @param name - of the file
   * @param what - it is, for messages
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND`, `ERR_OCIRENDER_PATH_ESCAPE`, `ERR_OCIRENDER_IO`
   */
  open(name: string, what: string): Promise<OpenFile>;
}
