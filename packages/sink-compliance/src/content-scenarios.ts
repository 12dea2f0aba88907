import { patternContent, sparseContent, textContent } from './content-source.ts';
import { type PlannedTree, TreeBuilder } from './tree-builder.ts';

const MIB = 1024 * 1024;

/**
 * Files of every size around the edges of blocks.
 *
 * @returns the tree
 */
export function contentSizes(): PlannedTree {
  const builder = new TreeBuilder();
  const edges = [512, 4096, 8192, 64 * 1024, 128 * 1024, MIB];
  const sizes = [
    1,
    2,
    3,
    511,
    ...edges.flatMap((edge) => [edge - 1, edge, edge + 1]),
    2 * 128 * 1024,
    300_000,
  ];
  for (const [index, size] of new Set(sizes).entries()) {
    builder
      .file(`random-${size}`, patternContent(size, index))
      .file(`text-${size}`, patternContent(size, index, 'text'));
  }
  return builder.file('zeros', { size: 200_000, fill: (target) => target.fill(0) }).build();
}

/**
 * Files that hold the same bytes, or nearly the same.
 *
 * @returns the tree
 */
export function sameContents(): PlannedTree {
  const builder = new TreeBuilder();
  for (const [name, size] of [
    ['small', 100],
    ['tail', 128 * 1024 + 777],
    ['blocks', 512 * 1024],
    ['large', MIB + 5],
  ] as const) {
    for (const copy of ['a', 'b', 'c']) builder.file(`${copy}/${name}`, patternContent(size, size));
  }
  // Equal in all but the last byte, and equal in the beginning only.
  builder
    .file('d/longer', patternContent(512 * 1024 + 1, 512 * 1024))
    .file('d/shorter', patternContent(512 * 1024 - 1, 512 * 1024));
  return builder.build();
}

/**
 * Files with holes at odd places.
 *
 * @returns the tree
 */
export function sparseFiles(): PlannedTree {
  const data = (offset: number, length: number): { offset: number; length: number } => ({ offset, length });
  return new TreeBuilder()
    .file('hole-only', sparseContent(300_000, [], 1))
    .file('hole-first', sparseContent(400_000, [data(300_000, 100_000)], 2))
    .file('hole-last', sparseContent(400_000, [data(0, 1000)], 3))
    .file('hole-between', sparseContent(MIB, [data(0, 4096), data(MIB - 4096, 4096)], 4))
    .file(
      'odd-edges',
      sparseContent(777_777, [data(13, 1), data(4095, 2), data(131_071, 3), data(500_001, 131_072)], 5),
    )
    .file(
      'many',
      sparseContent(
        5 * MIB,
        Array.from({ length: 40 }, (_, index) => data(index * 131_072, 7)),
        6,
      ),
    )
    .file('large', sparseContent(48 * MIB, [data(40 * MIB + 1, 5000)], 7))
    .file('small', sparseContent(5000, [data(4096, 904)], 8))
    .build();
}

/**
 * Contents that no sink should hold in memory.
 *
 * @returns the tree
 */
export function largeFile(): PlannedTree {
  return new TreeBuilder()
    .file('before', textContent('before'))
    .file('large', patternContent(9 * MIB + 4321, 1))
    .file('middle', textContent('middle'))
    .file('large text', patternContent(6 * MIB + 1, 2, 'text'))
    .file('after', textContent('after'))
    .build();
}
