import { join } from 'node:path';
import { type ConvertReport, type ConvertSettings, convert } from '../../../packages/core/src/index.ts';
import type { Image } from '../../../packages/interface/src/index.ts';
import {
  compareTrees,
  FULL_CAPABILITIES,
  type ReadTree,
} from '../../../packages/sink-compliance/src/index.ts';
import { dirSink } from '../../../packages/sink-dir/src/index.ts';
import { erofsSink } from '../../../packages/sink-erofs/src/index.ts';
import { ext4Sink } from '../../../packages/sink-ext4/src/index.ts';
import { squashfsSink } from '../../../packages/sink-squashfs/src/index.ts';
import { tarSink } from '../../../packages/sink-tar/src/index.ts';
import { must } from '../../support/run.ts';
import { readOutput } from '../../support/trees.ts';
import { VOLATILE } from './corpus-listing.ts';

const SINKS = {
  squashfs: squashfsSink,
  ext4: ext4Sink,
  erofs: erofsSink,
  tar: tarSink,
  dir: dirSink,
} as const;

/** A sink of this repository. */
export type SinkName = keyof typeof SINKS;

/** Every sink of this repository. */
export const SINK_NAMES: readonly SinkName[] = ['squashfs', 'ext4', 'erofs', 'tar', 'dir'];

/** Converts in this process: the command would take longer to start than most of the collection to convert. */
export async function convertTo(
  sink: SinkName,
  image: string | Image,
  output: string,
  settings: ConvertSettings = {},
): Promise<ConvertReport> {
  return convert({ sourceDateEpoch: 0, threads: 2, ...settings, image, output, sink: SINKS[sink] });
}

/**
 * Converts an image and compares the output with a listing.
 *
 * @returns the differences
 */
export async function differences(
  sink: SinkName,
  image: string | Image,
  listing: ReadTree,
  scratch: string,
  settings: ConvertSettings = {},
): Promise<string[]> {
  const output = join(scratch, `output-${sink}`);
  await convertTo(sink, image, output, settings);
  try {
    return compareWithListing(await readOutput(sink, output, scratch), listing, sink);
  } finally {
    await must('rm', ['-rf', output]);
  }
}

/** Compares what was read of an output with a listing. */
export function compareWithListing(output: ReadTree, listing: ReadTree, sink: SinkName): string[] {
  const tree = new Map(output);
  // GNU tar leaves its own directory as it was; only listings by GNU tar lack the root.
  if (!listing.has('')) tree.delete('');
  for (const [path, entry] of tree) {
    // Listings are made without the labels of SELinux.
    const xattrs = [...entry.xattrs].filter(([name]) => name !== 'security.selinux');
    tree.set(path, { ...entry, xattrs: new Map(xattrs) });
  }
  return compareTrees(tree, asHeld(listing, sink), FULL_CAPABILITIES).sort();
}

/** What a sink holds of a listing's times. */
function asHeld(listing: ReadTree, sink: SinkName): ReadTree {
  return new Map(
    [...listing].map(([path, entry]) => {
      // "missing parents: lower directory's metadata if there is one, else 0755, 0:0, mtime 0"
      if (Object.is(entry.mtime, VOLATILE)) return [path, { ...entry, mtime: 0, mtimeNs: 0 }];
      // Whole seconds, none before 1970.
      if (sink === 'squashfs') return [path, { ...entry, mtime: Math.max(entry.mtime, 0), mtimeNs: 0 }];
      return [path, entry];
    }),
  );
}
