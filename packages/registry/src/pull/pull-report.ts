import type { Platform } from '@ocirender/interface';
import type { RegistryEvent } from '../events.ts';
import type { OpenRegistryImageOptions } from '../options.ts';
import type { PassedOver, PlannedBlob } from './plan.ts';

/** What happens during a pull. */
export type PullEvent =
  | RegistryEvent
  | { readonly type: 'pull-start'; readonly blobs: readonly PlannedBlob[] }
  /** A blob of an earlier pull was read and is whole. */
  | { readonly type: 'blob-present'; readonly digest: string }
  /** Something of an unfamiliar media type that the index names cannot be fetched, and is left out. */
  | ({ readonly type: 'passed-over' } & PassedOver);

/** How to pull. */
export interface PullOptions extends Omit<OpenRegistryImageOptions, 'onEvent' | 'diagnose'> {
  /** Everything that the index names, instead of one platform's image. @defaultValue false */
  readonly allPlatforms?: boolean;
  /** Blobs at the same time, 1 to 64. @defaultValue 3 */
  readonly concurrency?: number;
  readonly onEvent?: (event: PullEvent) => void;
}

/** One blob of a pull. */
export interface PulledBlob extends PlannedBlob {
  /** `resumed` when a part of it was there. */
  readonly status: 'present' | 'fetched' | 'resumed';
  /** Bytes that came over the network. */
  readonly fetchedBytes: number;
}

/** What a pull did. */
export interface PullReport {
  /** In full: `docker.io/library/nginx:1.27`. */
  readonly reference: string;
  readonly directory: string;
  /** Of the manifest or (all platforms) index. */
  readonly digest: string;
  readonly mediaType: string;
  /** Undefined for all platforms. */
  readonly platform?: Platform;
  /** Names under which the layout holds the image; none for a reference by digest. */
  readonly names: readonly string[];
  /** Number of manifests, indexes and other documents that an index names. */
  readonly manifests: number;
  /** What an index names but nobody serves: of unfamiliar media types only. */
  readonly passedOver: readonly PassedOver[];
  readonly blobs: readonly PulledBlob[];
  /** Bytes of all blobs. */
  readonly totalBytes: number;
  /** Bytes of blobs that came over the network. */
  readonly fetchedBytes: number;
  readonly milliseconds: number;
}
