import type { ByteString, DiagnosticHandler } from '@ocirender/interface';

/** What can be missing from the written directory. */
export type ShortfallKind = 'owner' | 'set-id' | 'mode' | 'time' | 'device' | 'special' | `xattr ${string}`;

const MESSAGES: Readonly<Record<string, (count: number) => string>> = {
  owner: (count) => `owner or group of ${count} inodes could not be set (that needs root)`,
  'set-id': (count) =>
    `setuid and setgid bits of ${count} files were left out because their owner could not be set`,
  mode: (count) => `permissions of ${count} inodes could not be set`,
  time: (count) => `the file system could not hold the modification time of ${count} inodes`,
  device: (count) => `${count} device nodes could not be created (that needs root)`,
  special: (count) => `the file system could not hold ${count} symbolic links, FIFOs or sockets`,
};

/** Counts what could not be applied, so that it is told once for each kind and not for each of 100,000 files. */
export class Shortfall {
  readonly #kinds = new Map<ShortfallKind, { count: number; first: ByteString }>();

  /** Notes one inode (or one attribute) that is not as the image has it. */
  add(kind: ShortfallKind, path: ByteString): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, { count: 1, first: path });
    else known.count++;
  }

  /** Whether everything was applied. */
  get isEmpty(): boolean {
    return this.#kinds.size === 0;
  }

  /** Counts by kind, for the report. */
  details(): Record<string, number> {
    return Object.fromEntries([...this.#kinds].map(([kind, { count }]) => [`missing ${kind}`, count]));
  }

  /** Sends one diagnostic for each kind. */
  report(diagnose: DiagnosticHandler): void {
    for (const [kind, { count, first }] of this.#kinds) {
      const what =
        MESSAGES[kind]?.(count) ??
        `${count} extended attributes of the namespace ${kind.slice(6)} could not be set`;
      diagnose({
        code:
          kind === 'time'
            ? 'time-clamped'
            : kind.startsWith('xattr ')
              ? 'xattr-dropped'
              : 'not-representable',
        message: `${what}; the mtree file beside the directory has them`,
        path: first,
      });
    }
  }
}
