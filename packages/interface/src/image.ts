/**
 * The platform of an image.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md
 */
export interface Platform {
  /** `linux`, `windows`, … (GOOS). */
  readonly os: string;
  /** `amd64`, `arm64`, … (GOARCH). */
  readonly architecture: string;
  /** `v7`, `v8`, … */
  readonly variant?: string;
  readonly osVersion?: string;
}

/** How to open a blob. */
export interface OpenOptions {
  readonly signal?: AbortSignal;
}

/** A blob that lies in a regular file, whole or as a part of it. */
export interface StoredFile {
  /** Descriptor of the open file; any thread of the process may read from it, by position. */
  readonly fd: number;
  /** Offset of the blob's first byte. */
  readonly position: number;
  /** Bytes that there are; those that the blob should have are the layer's `size`. */
  readonly size: number;
  /** What it is and where, for messages: `layer sha256:… (DIR/blobs/sha256/…)`. */
  readonly what: string;
  /** Closes the file. */
  close(): Promise<void>;
}

/** One layer of an image. */
export interface Layer {
  /**
   * Digest of the blob as stored, `sha256:…`. A layer that is stored as no blob (a directory of Docker's overlay2) has
   * a name that stays the same instead, with another word before the colon: `overlay2:…`.
   */
  readonly digest: string;
  /**
   * The digest was made from the bytes as they are: nobody promised it, and it protects nothing. @defaultValue false
   */
  readonly hasOwnDigest?: boolean;
  /** Digest of the uncompressed tar, when the config names one. */
  readonly diffId?: string;
  /** As the manifest spells it; undefined when it names none. */
  readonly mediaType?: string;
  /** Stored (compressed) size in bytes, as the descriptor says; 0 where it is not known before the layer is read. */
  readonly size: number;
  /** The layer is a directory, written as a tar on the fly in which sockets are marked: they count as what they are. @defaultValue false */
  readonly marksSockets?: boolean;
  /**
   * Opens the stored bytes, each chunk an array of its own. The stream checks size and digest: having yielded the last byte it throws
   * `ERR_OCIRENDER_SIZE_MISMATCH` or a `DigestMismatchError` instead of ending. May be called repeatedly.
   */
  open(options?: OpenOptions): AsyncIterable<Uint8Array>;
  /**
   * Opens the file in which the stored bytes lie, so that a thread can read them; who does so checks size and digest.
   * Absent where they are in no file. Whoever makes a layer of another one with an `open` of its own leaves this out.
   */
  readonly openFile?: () => Promise<StoredFile>;
  /** Says that the layer will not be read now, so that nothing of it is fetched ahead. It may be opened all the same. */
  readonly pass?: () => void;
}

/** One image for one platform. */
export interface Image {
  /** What the user called it. */
  readonly reference: string;
  /** Digest of its manifest; undefined for sources without manifests (`docker save`). */
  readonly manifestDigest?: string;
  readonly platform?: Platform;
  /** The image config, parsed and as stored. */
  readonly config?: { readonly json: unknown; readonly bytes: Uint8Array; readonly digest: string };
  /** Oldest (base) layer first, as in the manifest. */
  readonly layers: readonly Layer[];
  /**
   * Gives back what the image holds (temporary files, connections); its layers cannot be opened after that. May be
   * called twice. Absent where nothing is held.
   */
  close?(): Promise<void>;
}
