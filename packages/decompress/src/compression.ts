/** The compressions that a layer's bytes may have; `none` is a plain tar. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lzma';
