import { type ByteString, LimitError } from '@ocirender/interface';
import type { Overrides } from './build-entry.ts';
import * as format from './format.ts';
import type { HeaderBlock } from './header-block.ts';
import type { TarLimits } from './limits.ts';
import { type PaxDiagnose, PaxValues } from './pax-values.ts';

/**
 * Collects the headers that say something about the entry after them: PAX records, GNU long names. Of several
 * PAX headers before one entry only the last counts, as in Go's archive/tar, with which container runtimes read
 * layers; global headers add up, the later record winning.
 */
export class Preamble implements Overrides {
  local: PaxValues | undefined;
  global: PaxValues | undefined;
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  readonly #limits: TarLimits;
  readonly #diagnose: PaxDiagnose;
  /** Bytes of headers before the current entry, and of global headers ever. */
  #localBytes = 0;
  #globalBytes = 0;
  #localHeaders = 0;
  #type = 0;
  #start = 0;
  /** Bytes of the body at hand. */
  size = 0;
  /** Whether the body at hand has been taken and applied. */
  isComplete = false;
  /** Filled with a body that comes in pieces. */
  #body: Buffer | undefined;
  #fill = 0;

  constructor(limits: TarLimits, diagnose: PaxDiagnose) {
    this.#limits = limits;
    this.#diagnose = diagnose;
  }

  /**
   * Begins one such header.
   *
   * @param header - its block
   * @returns bytes of its body, to be passed to {@link take}
   * @throws {LimitError} `paxHeaderBytes`
   */
  begin(header: HeaderBlock): number {
    const size = header.number(format.SIZE, 'size', 0, Number.MAX_SAFE_INTEGER);
    const isGlobal = header.type === format.TYPE_PAX_GLOBAL;
    if (isGlobal) this.#globalBytes += size;
    else {
      this.#localBytes += size;
      this.#localHeaders++;
    }
    const total = isGlobal ? this.#globalBytes : this.#localBytes;
    if (total > this.#limits.paxHeaderBytes) {
      throw new LimitError(
        'paxHeaderBytes',
        this.#limits.paxHeaderBytes,
        `tar: PAX or long-name headers of ${total} bytes at byte ${header.offset}`,
      );
    }
    this.#type = header.type;
    this.#start = header.offset + format.BLOCK_SIZE;
    this.size = size;
    this.#fill = 0;
    this.#body = undefined;
    this.isComplete = size === 0;
    return size;
  }

  /**
   * Takes body bytes.
   *
   * @param bytes - a chunk of the stream
   * @param at - where the body, or its next part, starts in it
   * @returns how many bytes were taken; the header has been applied once all have been
   */
  take(bytes: Buffer, at: number): number {
    const available = Math.min(bytes.length - at, this.size - this.#fill);
    if (available === this.size) {
      this.#apply(bytes.subarray(at, at + available));
      return available;
    }
    this.#body ??= Buffer.allocUnsafe(this.size);
    bytes.copy(this.#body, this.#fill, at, at + available);
    this.#fill += available;
    if (this.#fill === this.size) {
      this.#apply(this.#body);
      this.#body = undefined;
    }
    return available;
  }

  /** Forgets what was for one entry only. */
  reset(): void {
    this.local = undefined;
    this.longName = undefined;
    this.longLink = undefined;
    this.#localBytes = 0;
    this.#localHeaders = 0;
  }

  /** Whether anything waits for the next entry only. */
  get isLocalPending(): boolean {
    return this.#localHeaders > 0;
  }

  #apply(body: Buffer): void {
    this.isComplete = true;
    switch (this.#type) {
      case format.TYPE_GNU_LONG_NAME:
        this.longName = this.#longString(body) ?? this.longName;
        return;
      case format.TYPE_GNU_LONG_LINK:
        this.longLink = this.#longString(body) ?? this.longLink;
        return;
      case format.TYPE_PAX_GLOBAL:
        this.global ??= new PaxValues(this.#limits, this.#diagnose);
        this.global.read(body, this.#start);
        return;
    }
    this.local = new PaxValues(this.#limits, this.#diagnose);
    this.local.read(body, this.#start);
  }

  #longString(body: Buffer): ByteString | undefined {
    const nul = body.indexOf(0);
    const length = nul < 0 ? body.length : nul;
    if (length > this.#limits.pathBytes) {
      throw new LimitError(
        'pathBytes',
        this.#limits.pathBytes,
        `tar: a GNU long name of ${length} bytes at byte ${this.#start}`,
      );
    }
    return length === 0 ? undefined : body.toString('latin1', 0, length);
  }
}
