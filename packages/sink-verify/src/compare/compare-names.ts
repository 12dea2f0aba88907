import { type ByteString, LimitError, type WalkedName } from '@ocirender/interface';
import type { ComparedImage } from '../image/compared-image.ts';
import type { Difference, DifferenceField } from '../report/difference.ts';
import type { DifferenceLog } from '../report/difference-log.ts';
import { comparePaths } from '../report/path-order.ts';
import { compareNodes } from './compare-nodes.ts';
import type { Exclusions } from './exclusions.ts';
import { LinkGroups } from './link-groups.ts';
import { NamesCursor } from './names-cursor.ts';
import type { TimeComparer } from './times.ts';

/** A regular file under one name in both images: its contents are still to be compared. */
export interface FilePair {
  readonly path: ByteString;
  readonly subject: FileSide;
  readonly reference: FileSide;
}

/** What is kept of a regular file until contents are compared. */
export interface FileSide {
  readonly id: number;
  readonly size: number;
  /** Whether its digest is known and nothing need be read. */
  readonly known: boolean;
}

/** What a comparison of names needs. */
export interface NamesOptions {
  readonly ignored: ReadonlySet<DifferenceField>;
  readonly exclusions: Exclusions;
  readonly times: TimeComparer;
  readonly log: DifferenceLog;
  /** Most bytes of paths to hold. */
  readonly metadataBytes: number;
  readonly signal: AbortSignal;
}

/** What a comparison of names leaves. */
export interface NamesResult {
  readonly pairs: readonly FilePair[];
  readonly subjectNames: number;
  readonly referenceNames: number;
  readonly commonNames: number;
}

/**
 * Walks both images in step and compares everything but contents.
 *
 * @param subject - one image
 * @param reference - the other
 * @param options - what counts, and where differences go
 * @returns the regular files that both have
 */
export async function compareNames(
  subject: ComparedImage,
  reference: ComparedImage,
  options: NamesOptions,
): Promise<NamesResult> {
  const { exclusions, log, signal } = options;
  const a = new NamesCursor(subject.names(signal), exclusions, 'subject');
  const b = new NamesCursor(reference.names(signal), exclusions, 'reference');
  const comparer = new NameComparer(options);
  let commonNames = 0;
  try {
    await Promise.all([a.refill(), b.refill()]);
    while (a.current !== undefined || b.current !== undefined) {
      const order = orderOf(a.current, b.current);
      if (order < 0) comparer.onlyIn('subject', a.current!);
      else if (order > 0) comparer.onlyIn('reference', b.current!);
      else {
        commonNames++;
        comparer.both(a.current!, b.current!);
      }
      if (order <= 0 && !a.advance()) await a.refill();
      if (order >= 0 && !b.advance()) await b.refill();
    }
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
  if (!options.ignored.has('link-count')) {
    for (const difference of comparer.links.countDifferences()) log.add(difference);
  }
  return { pairs: comparer.pairs, subjectNames: a.count, referenceNames: b.count, commonNames };
}

function orderOf(a: WalkedName | undefined, b: WalkedName | undefined): number {
  if (a === undefined) return 1;
  return b === undefined ? -1 : comparePaths(a.path, b.path);
}

/** Compares name by name. */
class NameComparer {
  readonly pairs: FilePair[] = [];
  readonly links = new LinkGroups();
  readonly #options: NamesOptions;
  #heldBytes = 0;
  /** Beginning of the paths below the last directory that could not be listed. */
  readonly #hidden: { subject?: string; reference?: string } = {};

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  onlyIn(side: 'subject' | 'reference', { path, node, unreadable }: WalkedName): void {
    const hidden = this.#hidden[side === 'subject' ? 'reference' : 'subject'];
    // Nobody knows whether the other side has it.
    if (hidden !== undefined && path.startsWith(hidden)) return;
    if (unreadable !== undefined)
      this.#hide(path, side === 'subject' ? [unreadable, undefined] : [undefined, unreadable]);
    if (node.type !== 'directory') this.links.addName(side, node);
    this.#options.log.add({
      path,
      kind: `only-in-${side}`,
      subject: side === 'subject' ? node.type : null,
      reference: side === 'reference' ? node.type : null,
    });
  }

  both(ofSubject: WalkedName, ofReference: WalkedName): void {
    const { path, node: subject } = ofSubject;
    const { node: reference } = ofReference;
    this.#hide(path, [ofSubject.unreadable, ofReference.unreadable]);
    const { ignored, exclusions, log, times } = this.#options;
    if (subject.type !== 'directory') this.links.addName('subject', subject);
    if (reference.type !== 'directory') this.links.addName('reference', reference);
    if (subject.type !== reference.type) {
      // Nothing else can be compared then.
      if (!ignored.has('type')) {
        log.add({ path, kind: 'type', subject: subject.type, reference: reference.type });
      }
      return;
    }
    const leftOut = exclusions.fieldsLeftOut(path);
    compareNodes(
      subject,
      reference,
      times,
      (field) => !ignored.has(field) && !leftOut.has(field),
      (difference) => log.add({ path, ...difference }),
    );
    if (subject.type === 'directory') return;
    const group: Difference | undefined = this.links.compare(path, subject, reference);
    if (group !== undefined && !ignored.has('link-group')) log.add(group);
    if (subject.type !== 'file' || ignored.has('content')) return;
    if (subject.size === 0 && reference.size === 0) return;
    this.#heldBytes += path.length;
    const { metadataBytes } = this.#options;
    if (this.#heldBytes > metadataBytes) {
      throw new LimitError('metadataBytes', metadataBytes, 'the paths of all files are too long');
    }
    this.pairs.push({
      path,
      subject: { id: subject.id, size: subject.size, known: subject.sha256 !== undefined },
      reference: { id: reference.id, size: reference.size, known: reference.sha256 !== undefined },
    });
  }

  /** Notes a directory that one side or both cannot list. */
  #hide(path: ByteString, [subject, reference]: readonly [string | undefined, string | undefined]): void {
    if (subject === undefined && reference === undefined) return;
    const below = path === '' ? '' : `${path}/`;
    if (subject !== undefined) this.#hidden.subject = below;
    if (reference !== undefined) this.#hidden.reference = below;
    this.#options.log.add({
      path,
      kind: 'unreadable',
      subject: subject ?? null,
      reference: reference ?? null,
    });
  }
}
