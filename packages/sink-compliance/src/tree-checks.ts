import { stat } from 'node:fs/promises';
import { type Tree, walkTree } from '@ocirender/interface';
import { expectNone, fail, type SinkCheck } from './check.ts';
import { compareTrees } from './compare-trees.ts';
import { textContent } from './content-source.ts';
import { expectedTree } from './expected-tree.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { capabilitiesOf, type SinkSubject, type Written, writeOutput } from './subject.ts';
import { TreeBuilder } from './tree-builder.ts';
import { withWorkDirectory } from './work-directory.ts';

/**
 * Gives the checks that write a tree and read it back.
 *
 * @param subject - the sink under test
 * @returns one check for each scenario, and those about losses
 */
export function treeChecks(subject: SinkSubject): SinkCheck[] {
  return [
    ...SCENARIOS.map((scenario) => ({ name: `keeps ${scenario.name}`, run: () => keeps(subject, scenario) })),
    { name: 'says so when an xattr is dropped', run: () => reportsDroppedXattr(subject) },
    { name: 'says so when a time is clamped', run: () => reportsClampedTime(subject) },
    { name: 'says so when a kind of inode is left out', run: () => reportsMissingKind(subject) },
  ];
}

async function keeps(subject: SinkSubject, scenario: Scenario): Promise<void> {
  const capabilities = capabilitiesOf(subject);
  await withWorkDirectory(async (directory) => {
    const planned = scenario.build(capabilities);
    const before = describeTree(planned.tree);
    const written = await writeOutput(subject, planned, directory, 'output');
    if (describeTree(planned.tree) !== before) fail('finish changed the tree that it was given');
    await checkReport(written);
    const isHeld =
      capabilities.owners &&
      [...walkTree(planned.tree)].every(({ inode }) => capabilities.types.includes(inode.type));
    if (isHeld && written.diagnostics.length > 0) {
      fail(
        `nothing is lost, yet it reports: ${written.diagnostics[0]!.code}: ${written.diagnostics[0]!.message}`,
      );
    }
    if (subject.factory().outputs[0] === 'none') return;
    expectNone(
      compareTrees(await subject.read(written.path), expectedTree(planned, capabilities), capabilities),
    );
  });
}

/** Everything about a tree but the content references, which the suite itself sets. */
function describeTree(tree: Tree): string {
  const facts = [...walkTree(tree)].map(({ path, inode }) => {
    const { xattrs, ...rest } = inode;
    return {
      path,
      ...rest,
      children: undefined,
      content: undefined,
      xattrs: [...xattrs].map(([k, v]) => [k, [...v]]),
    };
  });
  return JSON.stringify(facts);
}

async function checkReport({ path, report }: Written): Promise<void> {
  if (!Number.isSafeInteger(report.bytesWritten) || report.bytesWritten < 0) {
    fail(`bytesWritten is ${report.bytesWritten}`);
  }
  for (const [name, value] of Object.entries(report.details)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) fail(`detail ${name} is ${typeof value}`);
  }
  for (const suffix of report.sidecars ?? []) await stat(path + suffix);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() === true && stats.size !== report.bytesWritten) {
    fail(`bytesWritten is ${report.bytesWritten}, the output has ${stats.size} bytes`);
  }
}

/** Writes a tree that the format cannot hold wholly: the rest must be there, and the loss be reported. */
async function losesAloud(subject: SinkSubject, builder: TreeBuilder, code: string): Promise<void> {
  const capabilities = capabilitiesOf(subject);
  await withWorkDirectory(async (directory) => {
    const planned = builder.build();
    const written = await writeOutput(subject, planned, directory, 'output');
    expectNone(
      compareTrees(await subject.read(written.path), expectedTree(planned, capabilities), capabilities),
    );
    if (!written.diagnostics.some((diagnostic) => diagnostic.code === code))
      fail(`no diagnostic "${code}" was reported`);
  });
}

async function reportsDroppedXattr(subject: SinkSubject): Promise<void> {
  const name = 'com.example.unheard-of';
  if (capabilitiesOf(subject).xattrPrefixes.some((prefix) => name.startsWith(prefix))) return;
  if (subject.factory().outputs[0] === 'none') return;
  const xattrs = new Map([[name, Buffer.from('lost')]]);
  await losesAloud(subject, new TreeBuilder().file('file', textContent('kept'), { xattrs }), 'xattr-dropped');
}

async function reportsClampedTime(subject: SinkSubject): Promise<void> {
  const [earliest, latest] = capabilitiesOf(subject).timeRange;
  if (subject.factory().outputs[0] === 'none') return;
  const builder = new TreeBuilder();
  if (earliest > -1000) builder.file('early', textContent('e'), { mtime: -1000, mtimeNs: 5 });
  if (latest < 5_000_000_000) builder.file('late', textContent('l'), { mtime: 5_000_000_000, mtimeNs: 5 });
  if (builder.build().contents.length > 0) await losesAloud(subject, builder, 'time-clamped');
}

async function reportsMissingKind(subject: SinkSubject): Promise<void> {
  const { types } = capabilitiesOf(subject);
  if (subject.factory().outputs[0] === 'none') return;
  const builder = new TreeBuilder().file('file', textContent('kept'));
  if (!types.includes('character-device')) builder.device('tty', 'character-device', 5, 1);
  if (!types.includes('block-device')) builder.device('disk', 'block-device', 8, 1);
  if (!types.includes('fifo')) builder.special('fifo', 'fifo');
  if (builder.build().tree.root.children.size > 1) await losesAloud(subject, builder, 'not-representable');
}
