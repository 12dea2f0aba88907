import type { Diagnostic, PackedError } from '@ocirender/interface';
import type { DecompressLimits } from '../limits.ts';
import type { RingMemory } from './ring.ts';

/** A layer to read. */
export interface ReadJob {
  readonly type: 'read';
  /** Takes the tar. */
  readonly ring: RingMemory;
  /** Where the stored bytes are: in a file, or in a ring that the main thread fills. */
  readonly from:
    | { readonly fd: number; readonly position: number; readonly size: number; readonly what: string }
    | RingMemory;
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
  readonly limits: DecompressLimits;
  /** Its one number counts the stored bytes as they are read. */
  readonly progress: Float64Array<SharedArrayBuffer>;
}

/** A tar to hash as it comes through a ring. */
export interface HashJob {
  readonly type: 'hash';
  readonly ring: RingMemory;
  readonly algorithm: string;
}

/** What the main thread posts to an input thread. */
export type InputCommand =
  | ReadJob
  | HashJob
  /** Read the stored bytes on, to their end or until there are more than `most`. */
  | { readonly type: 'drain'; readonly most: number }
  /** Give everything up that belongs to the job. */
  | { readonly type: 'close' }
  /** End the thread. */
  | { readonly type: 'exit' };

/** What an input thread posts to the main thread. */
export type InputNews =
  /** There is something in the ring. */
  | { readonly type: 'filled' }
  /** There is room in the ring that the main thread fills. */
  | { readonly type: 'room' }
  /** The layer is to be read on the main thread. */
  | { readonly type: 'declined' }
  | { readonly type: 'diagnostic'; readonly diagnostic: Diagnostic }
  /** The tar is complete, or as complete as it gets. */
  | { readonly type: 'ended'; readonly error?: PackedError }
  | { readonly type: 'drained'; readonly error?: PackedError }
  | { readonly type: 'digest'; readonly digest: string | undefined }
  /** The job is over; the thread may get another one. */
  | { readonly type: 'closed' };
