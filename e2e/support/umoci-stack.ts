import fc from 'fast-check';
import { arbitraryStack } from '../../packages/overlay/src/testing/arbitrary-stack.ts';
import type { ModelEntry } from '../../packages/overlay/src/testing/model.ts';

/** Stacks of layers, oldest first, without what umoci is known to treat in another way. */
export const umociStack: fc.Arbitrary<ModelEntry[][]> = fc
  .tuple(arbitraryStack, fc.boolean())
  .map(([stack, hasHardLinks]) => {
    const metadata = stack.flat().find(({ type }) => type !== 'directory');
    return stack.map((layer) =>
      markersFirst(layer)
        .filter(({ type }) => hasHardLinks || type !== 'hardlink')
        .map((entry) => asKernelHolds(hasHardLinks ? withCommonMetadata(entry, metadata) : entry)),
    );
  });

/**
 * "opaque marker before, between or after its siblings: same result", "whiteouts act on lower layers only": umoci
 * removes what is there when it meets a whiteout.
 */
function markersFirst(layer: readonly ModelEntry[]): ModelEntry[] {
  return [...layer].sort((a, b) => Number(isMarker(b)) - Number(isMarker(a)));
}

function isMarker({ path }: ModelEntry): boolean {
  return path.startsWith('.wh.') || path.includes('/.wh.');
}

/**
 * "link header metadata differs from the inode's: the header's mode, ids and mtime win (containerd, moby); umoci
 * and GNU tar ignore it": so all that can be linked has the same.
 */
function withCommonMetadata(entry: ModelEntry, metadata: ModelEntry | undefined): ModelEntry {
  if (entry.type === 'directory' || metadata === undefined) return entry;
  const { mode, uid, gid, mtime, mtimeNs } = metadata;
  return { ...entry, mode, uid, gid, mtime, mtimeNs, xattrs: {} };
}

/**
 * "character device 0:0 is a whiteout": umoci makes the device. The id 2^32-1 means "leave it" to `chown`, an
 * impossible capability is refused by the kernel, and only files and directories have `user.*`. Holes of gigabytes
 * are written by umoci as so many zeros.
 */
function asKernelHolds(entry: ModelEntry): ModelEntry {
  const hasXattrs = entry.type === 'file' || entry.type === 'directory';
  const xattrs = Object.entries(entry.xattrs).filter(
    ([name, value]) => name.startsWith('user.') && value !== '',
  );
  const { sparse, ...dense } = entry;
  const keepsHoles = sparse !== undefined && sparse.size < 4 * 1024 * 1024;
  return {
    ...dense,
    ...(keepsHoles ? { sparse } : {}),
    uid: Math.min(entry.uid, 4_000_000_000),
    devMajor: entry.type === 'character-device' ? 1 : entry.devMajor,
    xattrs: hasXattrs ? Object.fromEntries(xattrs) : {},
  };
}
