import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Diagnostic,
  isOcirenderError,
  isSink,
  type Output,
  parseOptions,
  type Sink,
  type SinkSession,
} from '@ocirender/interface';
import { expectNone, fail, rejectionOf, type SinkCheck } from './check.ts';
import { compareTrees } from './compare-trees.ts';
import { patternContent, sparseContent, textContent } from './content-source.ts';
import { driveSession, sinkContext } from './drive.ts';
import { expectedTree } from './expected-tree.ts';
import { capabilitiesOf, outputDigest, type SinkSubject, type WriteOptions, writeOutput } from './subject.ts';
import { type PlannedTree, TreeBuilder } from './tree-builder.ts';
import { withWorkDirectory } from './work-directory.ts';

/**
 * Gives the checks of the contract's other promises: declaration, determinism, order, ownership of buffers.
 *
 * @param subject - the sink under test
 * @returns the checks
 */
export function contractChecks(subject: SinkSubject): SinkCheck[] {
  const same = (what: string, variants: readonly WriteOptions[]): SinkCheck => ({
    name: `gives the same output ${what}`,
    run: () => sameOutput(subject, variants),
  });
  return [
    { name: 'declares itself as the contract asks', run: async () => checkDeclaration(subject.factory()) },
    { name: 'refuses an unknown option', run: () => refusesUnknownOption(subject) },
    same('twice', [{}, {}]),
    same('with any number of threads', [{ threads: 1 }, { threads: 2 }, { threads: 4 }]),
    same('however contents are cut into chunks', [
      { wholeBytes: 65_536, chunkBytes: 65_536 },
      { wholeBytes: 0, chunkBytes: 1000 },
      { wholeBytes: 2 ** 20, chunkBytes: 300_001 },
    ]),
    { name: 'takes contents in any order', run: () => anyOrder(subject) },
    { name: 'takes contents that the tree does not use', run: () => unusedContents(subject) },
    { name: 'writes the same bytes to a stream, waiting for each write', run: () => toStream(subject) },
    { name: 'fills a directory that is there', run: () => fillsDirectory(subject) },
  ];
}

/**
 * Makes a tree with something of everything that could depend on threads, cuts or order.
 *
 * @returns a builder, the same every time
 */
export function variedTree(): TreeBuilder {
  const builder = new TreeBuilder({ mtime: 1_600_000_000 });
  for (let index = 0; index < 60; index++) {
    builder.file(
      `files/${index}`,
      patternContent(1 + index * 1777, index % 7, index % 2 === 0 ? 'text' : 'random'),
      {
        mtime: 1_600_000_000 + index,
        uid: index % 5,
      },
    );
  }
  return builder
    .file('large', patternContent(3_000_001, 99))
    .file('copy', patternContent(3_000_001, 99))
    .file(
      'sparse',
      sparseContent(
        2_000_000,
        [
          { offset: 150_000, length: 10 },
          { offset: 1_000_000, length: 300_000 },
        ],
        5,
      ),
    )
    .file('linked', patternContent(40_000, 41))
    .link('files/linked', 'linked')
    .symlink('symlink', 'large');
}

function checkDeclaration(sink: Sink): void {
  const problems: string[] = [];
  if (!isSink(sink)) problems.push('it has no sink brand of this interface version (use defineSink)');
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(sink.name))
    problems.push(`name "${sink.name}" is not in kebab-case`);
  if (sink.summary.trim() === '' || sink.summary.includes('\n')) problems.push('summary is not one line');
  if (sink.outputs.length === 0) problems.push('it declares no output kind');
  for (const extension of sink.extensions) {
    if (!/^(?:(?:\.[a-z0-9]+)+|\/)$/.test(extension))
      problems.push(`extension "${extension}" is not like ".tar"`);
  }
  for (const [name, spec] of Object.entries(sink.options)) {
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) problems.push(`option "${name}" is not in kebab-case`);
    if (spec.description.trim() === '') problems.push(`option "${name}" has no description`);
    if (spec.default !== undefined) parseOptions(sink.options, { [name]: spec.default }, `sink ${sink.name}`);
  }
  expectNone(problems);
}

async function refusesUnknownOption(subject: SinkSubject): Promise<void> {
  const sink = subject.factory();
  const open = async (): Promise<unknown> =>
    sink.open(sinkContext(sink, { output: { kind: 'none' }, options: { 'no-such-option': 'x' } }));
  const error = await rejectionOf(open(), 'open with an unknown option');
  if (!isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_INVALID_OPTION')
    fail(`it failed otherwise: ${String(error)}`);
}

async function sameOutput(subject: SinkSubject, variants: readonly WriteOptions[]): Promise<void> {
  if (subject.factory().outputs[0] === 'none') return;
  const capabilities = capabilitiesOf(subject);
  await withWorkDirectory(async (directory) => {
    let first: string | undefined;
    for (const [index, variant] of variants.entries()) {
      const planned = variedTree().build();
      const written = await writeOutput(subject, planned, directory, `output-${index}`, variant);
      if (!capabilities.reproducible || index === 0) {
        expectNone(
          compareTrees(await subject.read(written.path), expectedTree(planned, capabilities), capabilities),
        );
      }
      if (!capabilities.reproducible) continue;
      const digest = await outputDigest(written);
      first ??= digest;
      if (digest !== first)
        fail(`with ${JSON.stringify(variants[0])}: ${first}\nwith ${JSON.stringify(variant)}: ${digest}`);
    }
  });
}

async function anyOrder(subject: SinkSubject): Promise<void> {
  const planned = variedTree().build();
  await writeAndCompare(subject, { tree: planned.tree, contents: [...planned.contents].reverse() });
}

async function unusedContents(subject: SinkSubject): Promise<void> {
  const planned = new TreeBuilder()
    .unused('gone/first', patternContent(300_000, 1))
    .file('kept/a', patternContent(200_000, 2))
    .unused('gone/small', textContent('unused'))
    .file('kept/b', textContent('kept'))
    .unused('gone/same', patternContent(200_000, 2))
    .unused('gone/sparse', sparseContent(500_000, [{ offset: 0, length: 10 }], 3))
    .build();
  await writeAndCompare(subject, planned, 'any');
}

/** Writes, reads, compares; only for sinks of the given placement, where one is given. */
async function writeAndCompare(subject: SinkSubject, planned: PlannedTree, placement?: 'any'): Promise<void> {
  const capabilities = capabilitiesOf(subject);
  if (subject.factory().outputs[0] === 'none') return;
  await withWorkDirectory(async (directory) => {
    if (placement !== undefined && (await placementOf(subject, directory)) !== placement) return;
    const written = await writeOutput(subject, planned, directory, 'output');
    expectNone(
      compareTrees(await subject.read(written.path), expectedTree(planned, capabilities), capabilities),
    );
  });
}

async function placementOf(subject: SinkSubject, directory: string): Promise<SinkSession['placement']> {
  const sink = subject.factory();
  const kind = sink.outputs.includes('file') ? 'file' : 'directory';
  const output: Output = { kind, path: join(directory, 'placement') };
  const session = await sink.open(
    sinkContext(sink, { output, ...(subject.options === undefined ? {} : { options: subject.options }) }),
  );
  await session.abort(new Error('only asked for its placement'));
  return session.placement;
}

/** A mount point cannot be made anew, and may have a `lost+found`. */
async function fillsDirectory(subject: SinkSubject): Promise<void> {
  const sink = subject.factory();
  if (!sink.outputs.includes('directory')) return;
  await withWorkDirectory(async (directory) => {
    const into = join(directory, 'there');
    const path = join(directory, 'temporary');
    await mkdir(join(into, 'lost+found'), { recursive: true });
    const planned = variedTree().directory('lost+found').build();
    const options = subject.options === undefined ? {} : { options: subject.options };
    const session = await sink.open(
      sinkContext(sink, { output: { kind: 'directory', path, into }, ...options }),
    );
    await driveSession(session, planned);
    const capabilities = capabilitiesOf(subject);
    expectNone(compareTrees(await subject.read(into), expectedTree(planned, capabilities), capabilities));
    if ((await readdir(directory)).includes('temporary')) fail('it made a directory of its own all the same');
  });
}

async function toStream(subject: SinkSubject): Promise<void> {
  const sink = subject.factory();
  if (!sink.outputs.includes('stream')) return;
  await withWorkDirectory(async (directory) => {
    const planned = variedTree().build();
    const chunks: Uint8Array[] = [];
    let pending = 0;
    const write = async (bytes: Uint8Array): Promise<void> => {
      if (++pending > 1) fail('it did not wait for one write before the next');
      // A slow consumer that copies late: the bytes must stay as they are until the write has settled.
      await new Promise((resolve) => setImmediate(resolve));
      chunks.push(Uint8Array.from(bytes));
      pending--;
    };
    const diagnostics: Diagnostic[] = [];
    const options = subject.options === undefined ? {} : { options: subject.options };
    const session = await sink.open(
      sinkContext(sink, { output: { kind: 'stream', write }, diagnostics, ...options }),
    );
    const report = await driveSession(session, planned);
    const bytes = Buffer.concat(chunks);
    if (report.bytesWritten !== bytes.length)
      fail(`bytesWritten is ${report.bytesWritten}, the stream got ${bytes.length}`);
    const path = join(directory, 'streamed');
    await writeFile(path, bytes);
    const capabilities = capabilitiesOf(subject);
    expectNone(compareTrees(await subject.read(path), expectedTree(planned, capabilities), capabilities));
    if (!sink.outputs.includes('file')) return;
    const written = await writeOutput(subject, variedTree().build(), directory, 'file');
    const [toFile, toPipe] = [
      await outputDigest(written),
      await outputDigest({ path, report: { ...report, sidecars: [] }, diagnostics }),
    ];
    if (toFile !== toPipe) fail(`to a file: ${toFile}\nto a stream: ${toPipe}`);
  });
}
