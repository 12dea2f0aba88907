import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentChunk, isOcirenderError, OcirenderError, type SinkSession } from '@ocirender/interface';
import { fail, rejectionOf, type SinkCheck } from './check.ts';
import { variedTree } from './contract-checks.ts';
import { contentInfo, driveSession, sinkContext, writeContent } from './drive.ts';
import { ResourceWatch } from './open-resources.ts';
import { pathOutput, type SinkSubject } from './subject.ts';
import type { PlannedContent, PlannedTree } from './tree-builder.ts';
import { withWorkDirectory } from './work-directory.ts';

/** What an abort is tried in the middle of. */
interface Aborted {
  readonly session: SinkSession;
  readonly planned: PlannedTree;
  readonly controller: AbortController;
}

/**
 * Gives the checks of failure: abort at each point, failing contents, the caller's signal.
 *
 * @param subject - the sink under test
 * @returns the checks
 */
export function abortChecks(subject: SinkSubject): SinkCheck[] {
  const check = (name: string, before: (aborted: Aborted) => Promise<void>): SinkCheck => ({
    name,
    run: () => aborts(subject, before),
  });
  return [
    check('lets go of everything when aborted before the first content', async () => {}),
    check('lets go of everything when aborted between contents', ({ session, planned }) =>
      writeSome(session, planned),
    ),
    check('lets go of everything when aborted during a write', abortDuringWrite),
    check('lets go of everything when aborted during finish', abortDuringFinish),
    check('can be aborted twice', ({ session }) => session.abort(new Error('first'))),
    check('passes on the error of a content stream', failingStream),
    check('stops with ERR_OCIRENDER_ABORTED when the signal is aborted before finish', abortedSignal),
    check('stops with ERR_OCIRENDER_ABORTED when the signal is aborted during finish', abortedWhileFinishing),
  ];
}

async function aborts(subject: SinkSubject, before: (aborted: Aborted) => Promise<void>): Promise<void> {
  await withWorkDirectory(async (directory) => {
    const sink = subject.factory();
    const path = join(directory, 'output');
    const controller = new AbortController();
    const watch = new ResourceWatch(directory);
    try {
      const session = await sink.open(
        sinkContext(sink, {
          output: pathOutput(sink, path) ?? { kind: 'none' },
          signal: controller.signal,
          threads: 2,
          ...(subject.options === undefined ? {} : { options: subject.options }),
        }),
      );
      try {
        await before({ session, planned: variedTree().build(), controller });
      } finally {
        await session.abort(new Error('the suite aborts'));
      }
      await watch.assertReleased();
      // What is left belongs to the caller, who removes it: nothing may come back after that.
      await rm(path, { recursive: true, force: true });
    } finally {
      watch.stop();
    }
  });
}

/** The content that is still to come when others have been written. */
function largeContent(planned: PlannedTree): PlannedContent {
  return planned.contents.find(({ path }) => path === 'large')!;
}

async function writeSome(session: SinkSession, planned: PlannedTree): Promise<void> {
  const large = largeContent(planned);
  for (const content of planned.contents)
    if (content !== large) await writeContent(session, planned, content);
}

async function abortDuringWrite({ session, planned }: Aborted): Promise<void> {
  await writeSome(session, planned);
  let stop: (error: Error) => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  let started: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    started = resolve;
  });
  async function* stalled(): AsyncGenerator<ContentChunk> {
    yield new Uint8Array(200_000).fill(7);
    started();
    await stopped;
  }
  const info = contentInfo(session, planned, largeContent(planned));
  const writing = Promise.resolve(session.write(stalled(), info));
  const failed = rejectionOf(writing, 'write of a stream that was stopped');
  await asked;
  const reason = new OcirenderError('ERR_OCIRENDER_ABORTED', 'stopped');
  const aborting = session.abort(reason);
  // The engine ends its stream with the same reason at about the same time.
  stop(reason);
  await Promise.all([aborting, failed]);
}

async function abortDuringFinish({ session, planned }: Aborted): Promise<void> {
  for (const content of planned.contents) await writeContent(session, planned, content);
  // Either may be first: a sink can be done before it notices.
  const finishing = session.finish(planned.tree).catch(() => undefined);
  await session.abort(new Error('aborted during finish'));
  await finishing;
}

async function failingStream({ session, planned }: Aborted): Promise<void> {
  await writeSome(session, planned);
  const failure = new OcirenderError('ERR_OCIRENDER_TRUNCATED', 'the layer ends early');
  async function* failing(): AsyncGenerator<ContentChunk> {
    yield new Uint8Array(150_000).fill(1);
    await new Promise((resolve) => setImmediate(resolve));
    throw failure;
  }
  const info = contentInfo(session, planned, largeContent(planned));
  const writing = async (): Promise<unknown> => session.write(failing(), info);
  const error = await rejectionOf(writing(), 'write of a failing stream');
  if (error !== failure) fail(`write failed with ${String(error)}, not with the stream's own error`);
}

async function abortedSignal({ session, planned, controller }: Aborted): Promise<void> {
  await writeSome(session, planned);
  controller.abort(new Error('the user pressed Ctrl-C'));
  const rest = { tree: planned.tree, contents: [largeContent(planned)] };
  requireAborted(await rejectionOf(driveSession(session, rest), 'finish after the signal was aborted'));
}

async function abortedWhileFinishing({ session, planned, controller }: Aborted): Promise<void> {
  for (const content of planned.contents) await writeContent(session, planned, content);
  const finishing = rejectionOf(session.finish(planned.tree), 'finish while the signal was aborted');
  controller.abort(new Error('the user pressed Ctrl-C'));
  requireAborted(await finishing);
}

function requireAborted(error: unknown): void {
  if (!isOcirenderError(error) || error.code !== 'ERR_OCIRENDER_ABORTED')
    fail(`it failed otherwise: ${String(error)}`);
}
