/**
 * What every ocirender package shares. Imports nothing.
 *
 * @packageDocumentation
 */

export type { ByteString } from './byte-string.ts';
export { byteStringFromText, byteStringToBytes, bytesToByteString, displayPath } from './byte-string.ts';
export type { Content, ContentChunk, ContentInfo, ContentRef, Extent, Hole, Placement } from './content.ts';
export { expandHoles, isHole } from './content.ts';
export { cutContent } from './cut-content.ts';
export type { Diagnostic, DiagnosticCode, DiagnosticHandler } from './diagnostic.ts';
export type { Entry, EntryType } from './entry.ts';
export type { PackedError } from './error-transport.ts';
export { packError, unpackError } from './error-transport.ts';
export type { OcirenderErrorCode, OcirenderErrorOptions, SinkErrorCode } from './errors.ts';
export {
  abortedError,
  DigestMismatchError,
  FormatError,
  isOcirenderError,
  LimitError,
  OcirenderError,
  throwIfAborted,
} from './errors.ts';
export { dockerDirectory, homeOf } from './home.ts';
export type { Image, Layer, OpenOptions, Platform, StoredFile } from './image.ts';
export type { FollowOption, ListedName, WalkedName } from './image-reader.ts';
export { ImageReader } from './image-reader.ts';
export type { KeptRange, KeptWork, SourceLayer, WorkItem, WorkRecorder } from './kept-work.ts';
export type { Metadata, Xattrs } from './metadata.ts';
export { equalMetadata, equalXattrs, NO_XATTRS } from './metadata.ts';
export type {
  BooleanOption,
  ChoiceOption,
  IntegerOption,
  OptionSchema,
  OptionSpec,
  OptionValues,
  SizeOption,
  StringOption,
} from './option-schema.ts';
export { parseOptions, parseSize } from './option-schema.ts';
export { printable, printableJson } from './printable.ts';
export { readAt } from './read-at.ts';
export { readRange } from './read-range.ts';
export type {
  ByteRange,
  ImageNode,
  ImageSource,
  Magic,
  NodeContent,
  OpenReaderOptions,
  Reader,
  ReadOptions,
  TimeRange,
} from './reader.ts';
export { defineReader, isReader, READER_BRAND } from './reader.ts';
export type { Output, OutputKind, Sink, SinkContext, SinkReport, SinkSession } from './sink.ts';
export { defineSink, INTERFACE_VERSION, isSink, SINK_BRAND } from './sink.ts';
export { syncDirectory } from './sync-directory.ts';
export type {
  DeviceInode,
  DirectoryInode,
  FileInode,
  Inode,
  SpecialInode,
  SymlinkInode,
  Tree,
} from './tree.ts';
export { maybeLinked } from './tree.ts';
export type { TreeSummary } from './tree-summary.ts';
export { summarizeTree, TreeCounter } from './tree-summary.ts';
export type { TreeEntry } from './tree-walk.ts';
export { sortedChildren, TreeWalk, walkTree } from './tree-walk.ts';
export { redactUserinfo, userinfoError } from './userinfo.ts';
export { findWorkerProgram } from './worker-program.ts';
export type { ZlibInternals } from './zlib-internals.ts';
