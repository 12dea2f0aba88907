import type { LayerReport } from '@ocirender/core';
import type { TreeSummary } from '@ocirender/interface';

/** What a container of an image runs, of its config. */
export interface RunConfig {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly exposedPorts?: readonly string[];
  readonly volumes?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
}

/** What is said of an OCI image only. */
export interface OciFacts {
  readonly manifestDigest?: string;
  readonly configDigest?: string;
  readonly platform?: string;
  readonly created?: string;
  readonly config?: RunConfig;
  /** Oldest first, as in the manifest. */
  readonly layers: readonly Omit<LayerReport, 'milliseconds'>[];
}

/** What `ocirender inspect` finds. */
export interface Inspection {
  /** As the user wrote it. */
  readonly image: string;
  /** `oci`, `squashfs`, `tar`, `dir`, … */
  readonly format: string;
  readonly oci?: OciFacts;
  /** Of the image as a whole: its superblock. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  /** What is in it. */
  readonly tree: TreeSummary;
}
