import { byteStringFromText, FormatError, OcirenderError } from '@ocirender/interface';
import type { FileTree, OpenFile } from '@ocirender/oci-layout';
import { cleanName, type Member } from './archive-index.ts';
import { type ByteRanges, rangeChunks } from './byte-ranges.ts';

/** Links on the way to one file. */
const MAX_LINKS = 40;

type FileMember = Member & { readonly kind: 'file' };

/** The files of a tar archive, read where they are. */
export class ArchiveTree implements FileTree {
  readonly label: string;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #open: () => Promise<ByteRanges>;

  /**
   * @param label - what the user called the archive
   * @param members - what is where in it
   * @param open - opens the (uncompressed) archive for one reading
   */
  constructor(label: string, members: ReadonlyMap<string, Member>, open: () => Promise<ByteRanges>) {
    this.label = label;
    this.#members = members;
    this.#open = open;
  }

  locate(name: string): string {
    return `${name} in ${this.label}`;
  }

  exists(name: string): Promise<boolean> {
    const key = cleanName(byteStringFromText(name));
    return Promise.resolve(key !== undefined && this.#members.has(key));
  }

  async open(name: string, what: string): Promise<OpenFile> {
    const { offset, size } = this.#find(name, what);
    const ranges = await this.#open();
    const where = `${what} (${this.locate(name)})`;
    return {
      size,
      async read(buffer, position) {
        const length = Math.min(buffer.length, size - position);
        if (length <= 0) return 0;
        return ranges.read(buffer.subarray(0, length), offset + position);
      },
      chunks: (signal) => rangeChunks(ranges, offset, size, where, signal),
      close: () => ranges.close(),
      fd: ranges.fd,
      position: offset,
    };
  }

  /** Follows links, as far as they stay in the archive: old `docker save` links a layer to its equal. */
  #find(name: string, what: string): FileMember {
    let key = cleanName(byteStringFromText(name));
    for (let links = 0; links <= MAX_LINKS; links++) {
      if (key === undefined) {
        throw new OcirenderError(
          'ERR_OCIRENDER_PATH_ESCAPE',
          `${what}: ${this.locate(name)} is a link that leads out of the archive`,
        );
      }
      const member = this.#members.get(key);
      if (member === undefined) {
        throw new OcirenderError(
          'ERR_OCIRENDER_NOT_FOUND',
          `${what} is missing: there is no ${this.locate(name)}`,
        );
      }
      if (member.kind === 'file') {
        if (!member.sparse) return member;
        throw new FormatError(
          `${what}: ${this.locate(name)} is stored as a sparse file, which no image archive needs`,
          member.offset,
          { hint: 'Make the archive again without tar --sparse.' },
        );
      }
      if (member.kind === 'other') {
        throw new OcirenderError('ERR_OCIRENDER_IO', `${what} is not a regular file: ${this.locate(name)}`);
      }
      key = member.target;
    }
    throw new OcirenderError(
      'ERR_OCIRENDER_SYMLINK_LOOP',
      `${what}: more than ${MAX_LINKS} links lead to ${this.locate(name)}`,
    );
  }
}
