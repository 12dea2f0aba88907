import type { ExpectedCaseTree } from './case-fixtures.ts';

/** What comes out of a case: a tree, or an error of a code. */
export type ChosenOutcome =
  | { readonly tree: ExpectedCaseTree; readonly code?: never; readonly why: string }
  | { readonly tree?: never; readonly code: RegExp; readonly why: string };

/** A choice; without tree and code it is the tree at which the case aims. */
type Choice = ChosenOutcome | { readonly tree?: never; readonly code?: never; readonly why: string };

/** Our choice where a case allows several, and the codes of its errors. */
export const CHOSEN_OUTCOMES: Readonly<Record<string, Choice>> = {
  'blob-missing': { code: /^ERR_OCIRENDER_NOT_FOUND$/, why: 'there is no such blob' },
  'digest-traversal': {
    code: /^ERR_OCIRENDER_INVALID_DIGEST$/,
    why: 'a digest is checked before it becomes a path',
  },
  'gzip-bad-crc': { code: /^ERR_OCIRENDER_FORMAT$/, why: 'the digest is right, the gzip data is not' },
  'gzip-truncated-tail': {
    code: /^ERR_OCIRENDER_(SIZE|DIGEST)_MISMATCH$/,
    why: 'a mismatch with the descriptor beats every other error',
  },
  'hdr-bad-checksum': { code: /^ERR_OCIRENDER_FORMAT$/, why: 'not a tar header' },
  'gzip-trailing-garbage': { why: 'bytes after the stream are a diagnostic' },
  'long-gnu-xattr': { why: 'a long name and PAX records apply to the same entry' },
  'mt-1': { why: "Docker's media types are known" },
  'mt-2': { why: "Docker's foreign layers are read like others when they are there" },
  'mt-3': { why: 'nondistributable layers are read like others when they are there' },
  'mt-6': { why: 'nondistributable layers are read like others when they are there' },
  'mt-gzip-but-tar': { why: 'magic bytes win over the media type, with a diagnostic' },
  'mt-tar-but-gzip': { why: 'magic bytes win over the media type, with a diagnostic' },
  'mt-missing-short-blob': {
    tree: {},
    why: 'an archive may end at any entry boundary, so no bytes are no entries',
  },
  'name-dotdot-escape': { code: /^ERR_OCIRENDER_PATH_ESCAPE$/, why: 'a name may not climb out of the root' },
  'name-dotdot-inside': { why: '.. is resolved inside the root' },
  'nested-no-mt': { why: 'an index is known by its contents when its descriptor has no media type' },
  'symlink-escape': {
    tree: {
      evil: { type: 'symlink', link: '/outside/peer-escape' },
      outside: { type: 'dir', mode: 0o755 },
      'outside/peer-escape': { type: 'dir', mode: 0o755 },
      'outside/peer-escape/x': { type: 'file' },
    },
    why: 'links are followed inside the root, where missing directories are made',
  },
  'tar-concatenated': { tree: { a: { type: 'file' } }, why: 'an archive ends at its end marker' },
  'wh-missing': { tree: { a: { type: 'file' } }, why: 'a whiteout of nothing does nothing' },
  'xattr-unknown-prefix': { why: 'the entries come; the xattrs where the format holds them' },
  'xz-multi': { why: 'several streams are one' },
  'zstd-long': {
    code: /^ERR_OCIRENDER_DIGEST_MISMATCH$/,
    why: 'the window of 2 GiB is allowed, and the diff_id is not that of the data',
  },
};
