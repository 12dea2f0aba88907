import type { ByteString } from '@ocirender/interface';
import type { Difference, DifferenceField, DifferenceKind } from './difference.ts';

/** What was read of one side. */
export interface ComparedSide {
  /** `squashfs`, `tar`, `dir`, `oci`, … */
  readonly format: string;
  /** Names, the root included, without those that were left out. */
  readonly names: number;
}

/** A name that was left out of the comparison, with everything below it. */
export interface IgnoredPath {
  readonly path: ByteString;
  /** Who has it. */
  readonly side: 'subject' | 'reference' | 'both';
  /** `--docker-export`, or the glob that matched. */
  readonly reason: string;
}

/** How modification times were compared. */
export interface TimeComparison {
  /** The coarser step of both forms, nanoseconds. */
  readonly stepNs: number;
  /** First and last second since the epoch that both forms can hold; absent without such a bound. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Names whose times are equal only because of the step or the bounds. */
  readonly approximated: number;
}

/** What a comparison found. Paths, link targets and attribute names are byte strings. */
export interface Comparison {
  readonly equal: boolean;
  readonly subject: ComparedSide;
  readonly reference: ComparedSide;
  /** In the order of their paths; at most `maxDifferences`. */
  readonly differences: readonly Difference[];
  /** Differences that are counted only. */
  readonly differencesDropped: number;
  readonly counts: Readonly<Partial<Record<DifferenceKind, number>>>;
  /** Names that both have. */
  readonly commonNames: number;
  /** Pairs of regular files whose contents were compared, each pair of inodes once. */
  readonly comparedFiles: number;
  /** Their bytes, as the subject has them. */
  readonly comparedBytes: number;
  readonly times: TimeComparison;
  /** Fields that were not compared. */
  readonly ignoredFields: readonly DifferenceField[];
  /** Names that were left out; at most 1000. */
  readonly ignoredPaths: readonly IgnoredPath[];
  readonly ignoredPathsDropped: number;
  /** Metadata that `dockerExport` leaves out, in words. */
  readonly ignoredMetadata: readonly string[];
}
