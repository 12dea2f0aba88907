import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EROFS = fileURLToPath(new URL('convert-erofs.js', import.meta.url));
const CLI = fileURLToPath(new URL('../apps/cli/bin/run.js', import.meta.url));

/** Wall times aimed at, in times of `pigz -dc`: an image of many small files takes longer. */
const AIMS = {
  python: { level2: 1.0, level3: 1.15, tar: 0.78, dir: 1.0 },
  node: { tar: 1.06 },
};

/**
 * Lists what is measured for one image.
 *
 * @param image - directory of an OCI layout with gzip layers
 * @param work - an empty directory
 * @returns name, command, output and the name of the contender to which it is compared with the ratio aimed at
 */
export async function contendersFor(image, work) {
  const output = join(work, 'output');
  /** `comparisons`: names of contenders, each with the ratio aimed at if there is one. */
  const ours = (sink, options, ...comparisons) => ({
    name: ['ocirender', sink, ...options].join(' '),
    command: [process.execPath, CLI, 'convert', image, '-s', sink, '-o', output, '--progress', 'none'].concat(
      options.flatMap((option) => ['-O', option]),
    ),
    output,
    isOurs: true,
    comparisons: comparisons.map(([to, aim]) => ({ to, aim })),
  });
  /** The same on one core. */
  const onOneCore = ({ name, command, ...rest }, ...comparisons) => ({
    ...rest,
    name: `${name}, one core`,
    command: ['taskset', '-c', '0', ...command],
    comparisons: comparisons.map(([to, aim]) => ({ to, aim })),
  });
  const aims = AIMS[basename(image).replace(/-zstd$/, '')] ?? {};
  const unpacked = join(work, 'unpacked');
  const squashed = join(work, 'squashed');
  const inflated = join(work, 'inflated');
  const script = (text) => ['bash', '-euc', text];
  const compression = '-comp zstd -Xcompression-level 3 -noappend -quiet -no-progress';
  const layers = await layerPaths(image);
  const erofs = (name, comparedTo, ...options) => ({
    name: `ocirender ${name}`,
    command: [process.execPath, EROFS, image, output, ...options],
    output,
    isOurs: true,
    comparisons: [{ to: comparedTo, aim: 0.33 }],
  });
  const mkfsErofs = (options) => ({
    command: script(
      `umoci raw unpack --image '${image}:latest' '${unpacked}' && mkfs.erofs --quiet ${options} '${squashed}' '${unpacked}'`,
    ),
    output: squashed,
  });
  return [
    {
      name: 'umoci + mksquashfs',
      command: script(
        `umoci raw unpack --image '${image}:latest' '${unpacked}' && mksquashfs '${unpacked}' '${squashed}' ${compression}`,
      ),
      output: squashed,
    },
    {
      name: 'umoci + mke2fs',
      // mke2fs must be told a size: twice the tree does for all three images.
      command: script(
        `umoci raw unpack --image '${image}:latest' '${unpacked}' && mke2fs -q -t ext4 -O ^has_journal -d '${unpacked}' '${inflated}' "$(($(du -sk '${unpacked}' | cut -f1) * 2))k"`,
      ),
      output: inflated,
    },
    { name: 'pigz -dc', command: script(layers.map((path) => `pigz -dc '${path}'`).join(';')) },
    {
      name: 'pigz -dc > file',
      command: script(`(${layers.map((path) => `pigz -dc '${path}'`).join(';')}) > '${inflated}'`),
      output: inflated,
    },
    {
      name: 'pigz -dc | mksquashfs -tar',
      // Without whiteouts and what else a merge is: the least that mksquashfs can take, for the newest layer alone.
      command: script(
        `pigz -dc '${layers.at(-1)}' | mksquashfs - '${squashed}' -tar ${compression.replace('level 3', 'level 2')}`,
      ),
      output: squashed,
    },
    {
      name: 'GNU tar -x, each layer',
      command: script(
        `mkdir '${unpacked}'; ${layers.map((path) => `tar -xpf '${path}' -C '${unpacked}' --exclude='.wh.*'`).join(';')}`,
      ),
    },
    ours('squashfs', ['level=2'], ['pigz -dc', aims.level2]),
    onOneCore(ours('squashfs', ['level=2']), ['ocirender squashfs level=2']),
    ours('squashfs', [], ['umoci + mksquashfs', 0.4], ['pigz -dc', aims.level3]),
    ours('tar', [], ['pigz -dc', aims.tar]),
    onOneCore(ours('tar', []), ['ocirender tar']),
    ours('dir', [], ['GNU tar -x, each layer'], ['pigz -dc', aims.dir]),
    ours('ext4', [], ['umoci + mke2fs', 0.1], ['ocirender tar', 1.1]),
    { name: 'umoci + mkfs.erofs', ...mkfsErofs('') },
    { name: 'umoci + mkfs.erofs lz4', ...mkfsErofs('-zlz4 -C65536') },
    erofs('erofs', 'umoci + mkfs.erofs'),
    erofs('erofs lz4', 'umoci + mkfs.erofs lz4', 'compression=lz4'),
  ];
}

async function layerPaths(image) {
  const blob = (digest) => join(image, 'blobs', digest.replace(':', '/'));
  const index = JSON.parse(await readFile(join(image, 'index.json'), 'utf8'));
  const manifest = JSON.parse(await readFile(blob(index.manifests[0].digest), 'utf8'));
  return manifest.layers.map(({ digest }) => blob(digest));
}
