import { createHash } from 'node:crypto';
import type { Entry, Layer } from '@ocirender/interface';
import { END_OF_ARCHIVE, encodeTarHeader, tarPadding } from '@ocirender/tar-header';
import type { ModelEntry } from './model.ts';

/** Fills in what a test does not care about. */
export function member(path: string, part: Partial<ModelEntry> = {}): ModelEntry {
  return {
    path,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_600_000_000,
    mtimeNs: 0,
    xattrs: {},
    data: '',
    linkTarget: '',
    devMajor: 0,
    devMinor: 0,
    ...part,
  };
}

/** A directory entry. */
export function dir(path: string, part: Partial<ModelEntry> = {}): ModelEntry {
  return member(path, { type: 'directory', mode: 0o755, ...part });
}

/** A file entry. */
export function file(path: string, data: string, part: Partial<ModelEntry> = {}): ModelEntry {
  return member(path, { data, ...part });
}

/** A symbolic link entry. */
export function symlink(path: string, linkTarget: string): ModelEntry {
  return member(path, { type: 'symlink', mode: 0o777, linkTarget });
}

/** A hard link entry. */
export function hardlink(path: string, linkTarget: string, part: Partial<ModelEntry> = {}): ModelEntry {
  return member(path, { type: 'hardlink', linkTarget, ...part });
}

/** The uncompressed tar of a layer. */
export function tarOf(entries: readonly ModelEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const data = Buffer.from(entry.type === 'file' ? entry.data : '', 'latin1');
    const header: Entry = {
      path: entry.path,
      type: entry.type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: entry.mtime,
      mtimeNs: entry.mtimeNs,
      linkTarget: entry.linkTarget,
      devMajor: entry.devMajor,
      devMinor: entry.devMinor,
      size: entry.sparse?.size ?? data.length,
      ...(entry.sparse === undefined ? {} : { extents: entry.sparse.extents }),
      xattrs: new Map(
        Object.entries(entry.xattrs).map(([name, value]) => [name, Buffer.from(value, 'latin1')]),
      ),
    };
    parts.push(encodeTarHeader(header), data, new Uint8Array(tarPadding(data.length)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** A layer of these bytes, handed out in chunks of the given sizes (the last one repeats). */
export function layerOf(bytes: Uint8Array, cuts: readonly number[] = [65_536], mediaType?: string): Layer {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return {
    digest,
    diffId: digest,
    mediaType: mediaType ?? 'application/vnd.oci.image.layer.v1.tar',
    size: bytes.length,
    marksSockets: true,
    async *open() {
      let at = 0;
      for (let n = 0; at < bytes.length; n++) {
        const size = Math.max(1, cuts[Math.min(n, cuts.length - 1)]!);
        yield bytes.slice(at, at + size);
        at += size;
      }
    },
  };
}

/** Layers of a stack, oldest first. */
export function layersOf(stack: readonly (readonly ModelEntry[])[], cuts?: readonly number[]): Layer[] {
  return stack.map((entries) => layerOf(tarOf(entries), cuts));
}

/** Layers as a registry has them, which count how often they are opened. */
export function countedLayers(stack: readonly (readonly ModelEntry[])[]): {
  layers: Layer[];
  opened: () => number;
} {
  let opened = 0;
  const layers = layersOf(stack).map(
    (layer): Layer => ({
      ...layer,
      marksSockets: false,
      open(options) {
        opened++;
        return layer.open(options);
      },
    }),
  );
  return { layers, opened: () => opened };
}
