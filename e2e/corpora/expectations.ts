import type { MergeLimits } from '../../packages/overlay/src/index.ts';
import type { SinkName } from './support/conversion.ts';

/** What a file of the collection must become when it is not simply what its listing says. */
export interface Expectation {
  /** It is refused with this code. */
  readonly refused?: string;
  /** With `--lenient` it is a tree: what its listing says, if it has one. */
  readonly lenient?: 'tree' | 'refused';
  /** Higher limits with which it is what its listing says. */
  readonly limits?: Partial<MergeLimits>;
  /** Where the listing is not right for us: the differences, by sink. */
  readonly differences?: Readonly<Partial<Record<SinkName, readonly string[]>>>;
  /** It has no listing: sizes of the files of its tree. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** The reason for all that. */
  readonly why: string;
}

const FORMAT = 'ERR_OCIRENDER_FORMAT';
const TRUNCATED = 'ERR_OCIRENDER_TRUNCATED';
const LIMIT = 'ERR_OCIRENDER_LIMIT';
const CONFLICT = 'ERR_OCIRENDER_CONFLICT';
const ESCAPE = 'ERR_OCIRENDER_PATH_ESCAPE';
const HARDLINK = 'ERR_OCIRENDER_INVALID_HARDLINK';
const NOT_FOUND = 'ERR_OCIRENDER_NOT_FOUND';
const SIZE = 'ERR_OCIRENDER_SIZE_MISMATCH';
const INVALID_IMAGE = 'ERR_OCIRENDER_INVALID_IMAGE';

const CLIMBS = 'a name climbs out of the root; umoci clamps it, as --lenient does';
const FILE_ROOT = 'an entry makes the root a file; umoci refuses it too';
const CHECKSUM = 'a header with a wrong checksum; umoci refuses it too';
const CUT = 'ends inside an entry; umoci refuses it too';

const ACL_OF_DIR1 = [
  '/dir1: xattr system.posix_acl_access is unexpected (0200000001000100ffffffff04000400ffffffff10000400ffffffff20000200… (36 bytes))',
];
const LIBARCHIVE_XATTRS = [
  '/file: xattr user.data1 is unexpected (0x41424344454647)',
  '/file: xattr user.data2 is unexpected (0x58595a)',
];

/** All of `tars/` that are not simply what their listings say. */
export const TARS: Readonly<Record<string, Expectation>> = {
  'buildah-add-dir-not-dir-test.tar': { refused: CONFLICT, lenient: 'refused', why: FILE_ROOT },
  'commons-compress-COMPRESS-356.tar': { refused: FORMAT, lenient: 'refused', why: CHECKSUM },
  'commons-compress-long-name-pax.tar': {
    refused: LIMIT,
    lenient: 'refused',
    why: 'a path of 32,767 bytes, which no file system holds; umoci fails too',
  },
  'go-pax-sparse-big.tar': {
    sizes: { 'pax-sparse': 60_000_000_000 },
    why: 'no listing: umoci cannot write 60 GB',
  },
  'go-sparse-formats.tar': {
    sizes: {
      end: 4,
      'sparse-gnu': 200,
      'sparse-posix-0.0': 200,
      'sparse-posix-0.1': 200,
      'sparse-posix-1.0': 200,
    },
    why: 'no listing: umoci knows no old GNU sparse files (type S)',
  },
  'go-writer-big.tar': {
    refused: TRUNCATED,
    lenient: 'refused',
    why: 'declares 16 GiB and ends with the header',
  },
  'libarchive-compat_solaris_tar_acl.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'type A, an ACL of Solaris; umoci refuses it too, GNU tar makes a file of it',
  },
  'libarchive-compat_star_acl_posix1e.tar': {
    differences: { ext4: ACL_OF_DIR1, erofs: ACL_OF_DIR1, tar: ACL_OF_DIR1, dir: ACL_OF_DIR1 },
    why: 'the listing is by GNU tar without --acls; SCHILY.acl.* is applied where the format has it',
  },
  'libarchive-patterns_4.tar': { refused: ESCAPE, lenient: 'tree', why: CLIMBS },
  'libarchive-pax_xattr_header_libarchive.tar': {
    differences: {
      squashfs: LIBARCHIVE_XATTRS,
      ext4: LIBARCHIVE_XATTRS,
      erofs: LIBARCHIVE_XATTRS,
      tar: LIBARCHIVE_XATTRS,
      dir: LIBARCHIVE_XATTRS,
    },
    why: 'LIBARCHIVE.xattr.* are xattrs for us; umoci (Go) knows only SCHILY.xattr.*',
  },
  'libarchive-read_format_gtar_sparse_skip_entry.tar.Z': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a sparse file stores a byte more than its map uses; Go refuses it too (unreferenced data)',
  },
  'libarchive-read_format_tar_empty_with_gnulabel.tar': {
    sizes: {},
    why: 'its only member is a volume label, skipped with a diagnostic; umoci refuses it (type V)',
  },
  'libarchive-read_format_tar_pax_large_attr.tar.Z': {
    refused: LIMIT,
    lenient: 'refused',
    limits: { paxHeaderBytes: 2 ** 24, xattrBytes: 2 ** 24 },
    why: 'a PAX header of 8 MB; Go refuses it too',
  },
  'minitar-test_input_relative.tgz': { refused: ESCAPE, lenient: 'tree', why: CLIMBS },
  'node-tar-links-invalid.tar': {
    refused: HARDLINK,
    lenient: 'tree',
    why: 'a hard link without a target; umoci refuses it too',
  },
  'node-tar-path-missing.tar': { refused: CONFLICT, lenient: 'refused', why: FILE_ROOT },
  'ratarmount-updated-file-implicitly-with-folder.tar': {
    refused: CONFLICT,
    lenient: 'tree',
    why: 'an entry below a file of the same layer; umoci refuses it too',
  },
  'tar-rs-sparse-large.tar': {
    sizes: { huge: 12_626_929_280 },
    why: 'no listing: type S, which umoci does not know, and 12 GB',
  },
};

const BAD_SIZE = "the manifest's size is not the descriptor's";
const NOT_AN_IMAGE = 'neither an OCI layout nor an unpacked docker save';

/** All of `malicious/` that are not simply what their listings say. */
export const MALICIOUS: Readonly<Record<string, Expectation>> = {
  'codeclysm-evil-link-traversal.tar': {
    refused: ESCAPE,
    lenient: 'tree',
    sizes: {},
    why: 'a hard link to a file outside; clamped, its target does not exist',
  },
  'commons-compress-COMPRESS-279-fail.tar': { refused: TRUNCATED, lenient: 'refused', why: CUT },
  'commons-compress-COMPRESS-529-fail.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a PAX time with a NUL; umoci refuses it too',
  },
  'commons-compress-COMPRESS-544_truncated_in_content-fail.tar': {
    refused: TRUNCATED,
    lenient: 'refused',
    why: CUT,
  },
  'commons-compress-COMPRESS-553-fail.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'impossible numbers; umoci refuses it too',
  },
  'commons-compress-COMPRESS-569-fail.tar': { refused: FORMAT, lenient: 'refused', why: CHECKSUM },
  'commons-compress-long-name-gnu-fail.tar': {
    refused: LIMIT,
    lenient: 'refused',
    why: 'announces a long name of 2 GiB; umoci refuses it too',
  },
  'docker2aci-depsloop.docker.tar': {
    refused: INVALID_IMAGE,
    lenient: 'refused',
    why: 'a layer is its own ancestor',
  },
  'go-getter-outside_parent.tar.gz': { refused: ESCAPE, lenient: 'tree', why: CLIMBS },
  'go-issue11169.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a PAX record without its newline; umoci refuses it too',
  },
  'go-neg-size.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'negative numbers; umoci refuses it too',
  },
  'go-pax-bad-hdr-large.tar.bz2': {
    refused: LIMIT,
    lenient: 'refused',
    why: 'a PAX header of a byte more than 1 MiB; umoci refuses it too',
  },
  'go-pax-nul-path.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a PAX path with a NUL; umoci refuses it too',
  },
  'grootfs-4mb-image.oci': { refused: SIZE, lenient: 'refused', why: BAD_SIZE },
  'grootfs-corrupted.oci': { refused: SIZE, lenient: 'refused', why: BAD_SIZE },
  'grootfs-hacked.tar': { refused: ESCAPE, lenient: 'tree', why: CLIMBS },
  'grootfs-hardlink.oci': { refused: SIZE, lenient: 'refused', why: BAD_SIZE },
  'grootfs-invalid-manifest-size-less-than-physical-size.oci': {
    refused: SIZE,
    lenient: 'refused',
    why: BAD_SIZE,
  },
  'grootfs-opq-whiteouts-busybox.oci': { refused: SIZE, lenient: 'refused', why: BAD_SIZE },
  'imgutil-busybox-sparse-missing-layer.oci': {
    refused: NOT_FOUND,
    lenient: 'refused',
    why: "the layer's blob is absent",
  },
  'jwilk-relative0.tar': { refused: ESCAPE, lenient: 'tree', why: CLIMBS },
  'libarchive-read_format_tar_acl_oob_read.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a PAX record without its newline; umoci refuses it too',
  },
  'libarchive-read_format_tar_invalid_pax_size.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a negative PAX size; umoci refuses it too',
  },
  'makisu-busybox-docker-save-dir': {
    refused: 'ERR_OCIRENDER_DIGEST_MISMATCH',
    lenient: 'refused',
    why: "the config is not what its file's name promises",
  },
  'node-tar-bad-cksum.tar': { refused: FORMAT, lenient: 'refused', why: CHECKSUM },
  'oc-mirror-rotten-manifest.oci': { refused: SIZE, lenient: 'refused', why: BAD_SIZE },
  'ratarmount-single-self-link.tar': {
    sizes: {},
    why: 'a hard link to itself does nothing; umoci removes the name first and fails',
  },
  'ratarmount-two-self-links-to-existing-file.tar': {
    sizes: { bar: 4 },
    why: 'a hard link to itself does nothing; umoci removes the name first and fails',
  },
  'safearchive-traverse.tar': { refused: ESCAPE, lenient: 'tree', why: CLIMBS },
  'scancodeio-two-images.tar.gz': {
    refused: 'ERR_OCIRENDER_AMBIGUOUS',
    lenient: 'refused',
    why: 'two images, of which none is asked for',
  },
  'sharpcompress-false.positive.tar': { refused: FORMAT, lenient: 'refused', why: CHECKSUM },
  'snyk-dockergoof.tar': { refused: INVALID_IMAGE, lenient: 'refused', why: '9 diff_ids for 4 layers' },
  'spring-export-docker-desktop-containerd-manifest-list.tar': {
    refused: SIZE,
    lenient: 'refused',
    why: BAD_SIZE,
  },
  'sylabs-aufs-docker-v2-manifest.oci': { refused: SIZE, lenient: 'refused', why: BAD_SIZE },
  'tokio-tar-diff-014-unterminated-pax.tar': {
    refused: FORMAT,
    lenient: 'refused',
    why: 'a PAX record of an impossible length; umoci refuses it too',
  },
  'tokio-tar-diff-039-truncated-entry-body.tar': { refused: TRUNCATED, lenient: 'refused', why: CUT },
  'trivy-bad_index_json.oci': { refused: INVALID_IMAGE, lenient: 'refused', why: 'index.json is not JSON' },
  'unsupported-image.tar': { refused: NOT_FOUND, lenient: 'refused', why: NOT_AN_IMAGE },
};
