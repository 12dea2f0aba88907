import type { ByteString, ImageNode } from '@ocirender/interface';
import type { Difference } from '../report/difference.ts';

/** One image's inodes: which name stands for each, and how many names it has. */
class Inodes {
  readonly #leaders = new Map<number, ByteString>();
  readonly #names = new Map<number, number>();

  count(node: ImageNode): void {
    this.#names.set(node.id, (this.#names.get(node.id) ?? 0) + 1);
  }

  names(node: ImageNode): number {
    return this.#names.get(node.id) ?? 0;
  }

  /** The first common name of an inode: the given one when there was none before. */
  leader(node: ImageNode, path: ByteString): ByteString {
    const known = this.#leaders.get(node.id);
    if (known === undefined) this.#leaders.set(node.id, path);
    return known ?? path;
  }
}

interface CountedPair {
  readonly path: ByteString;
  readonly subject: ImageNode;
  readonly reference: ImageNode;
}

/** Compares how names are shared out among inodes. */
export class LinkGroups {
  readonly #subject = new Inodes();
  readonly #reference = new Inodes();
  readonly #counted: CountedPair[] = [];

  /** Takes note of a name, also of one that only one image has. Not called for directories. */
  addName(side: 'subject' | 'reference', node: ImageNode): void {
    (side === 'subject' ? this.#subject : this.#reference).count(node);
  }

  /**
   * Compares the inodes of a name that both have.
   *
   * @returns the difference: another first name of the same inode; undefined when there is none
   */
  compare(path: ByteString, subject: ImageNode, reference: ImageNode): Difference | undefined {
    const { links } = subject;
    if (links !== undefined && reference.links !== undefined && links !== reference.links) {
      this.#counted.push({ path, subject, reference });
    }
    const a = this.#subject.leader(subject, path);
    const b = this.#reference.leader(reference, path);
    if (a === b) return undefined;
    return { path, kind: 'link-group', subject: a, reference: b };
  }

  /** Gives the link counts that differ though both inodes have equally many names: what the names do not explain. */
  *countDifferences(): Generator<Difference> {
    for (const { path, subject, reference } of this.#counted) {
      if (this.#subject.names(subject) !== this.#reference.names(reference)) continue;
      yield { path, kind: 'link-count', subject: subject.links ?? null, reference: reference.links ?? null };
    }
  }
}
