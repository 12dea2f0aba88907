import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic, Output, Sink, SinkReport } from '@ocirender/interface';
import { FULL_CAPABILITIES, type SinkCapabilities } from './capabilities.ts';
import { fail } from './check.ts';
import { type DriveOptions, driveSession, sinkContext } from './drive.ts';
import { ResourceWatch } from './open-resources.ts';
import type { ReadTree } from './read-tree.ts';
import type { PlannedTree } from './tree-builder.ts';

/** A sink under test. */
export interface SinkSubject {
  /** Title of the suite. */
  readonly name: string;
  /** Gives the sink. */
  readonly factory: () => Sink;
  /** Reads an output back, best with other code than the writer's. */
  readonly read: (outputPath: string) => Promise<ReadTree>;
  /** What the format cannot hold. @defaultValue everything is held */
  readonly capabilities?: Partial<SinkCapabilities>;
  /** Values for the sink's options. @defaultValue its defaults */
  readonly options?: Readonly<Record<string, unknown>>;
}

/**
 * Completes a subject's capabilities.
 *
 * @param subject - the sink under test
 * @returns what the format holds
 */
export function capabilitiesOf(subject: SinkSubject): SinkCapabilities {
  return { ...FULL_CAPABILITIES, ...subject.capabilities };
}

/** One finished output. */
export interface Written {
  readonly path: string;
  readonly report: SinkReport;
  readonly diagnostics: readonly Diagnostic[];
}

/** How one output is written. */
export interface WriteOptions extends DriveOptions {
  readonly threads?: number;
}

/**
 * Gives the output that a sink writes to under test: a file or a directory where it can.
 *
 * @param sink - the sink
 * @param path - where
 * @returns the output of a context; undefined for a sink that only writes to a stream or nowhere
 */
export function pathOutput(sink: Sink, path: string): (Output & { readonly path: string }) | undefined {
  const kind = sink.outputs.find((output) => output === 'file' || output === 'directory');
  return kind === undefined ? undefined : { kind, path };
}

/**
 * Writes a tree into a new output and checks that the session let go of everything.
 *
 * @param subject - the sink under test
 * @param planned - the tree
 * @param directory - where the output goes
 * @param name - the output's name
 * @param options - how
 * @returns the output
 */
export async function writeOutput(
  subject: SinkSubject,
  planned: PlannedTree,
  directory: string,
  name: string,
  options: WriteOptions = {},
): Promise<Written> {
  const sink = subject.factory();
  const path = join(directory, name);
  const output = pathOutput(sink, path) ?? { kind: 'none' };
  const diagnostics: Diagnostic[] = [];
  const watch = new ResourceWatch(directory);
  try {
    const session = await sink.open(
      sinkContext(sink, {
        output,
        diagnostics,
        ...(subject.options === undefined ? {} : { options: subject.options }),
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      }),
    );
    try {
      const report = await driveSession(session, planned, options);
      for (const ending of report.sidecars ?? []) {
        if (sink.sidecars?.includes(ending) !== true)
          fail(`the sidecar "${ending}" is not declared by the sink`);
      }
      await watch.assertReleased();
      return { path, report, diagnostics };
    } catch (error) {
      await session.abort(error);
      throw error;
    }
  } finally {
    watch.stop();
  }
}

/**
 * Hashes an output and its sidecars, for comparing outputs with each other.
 *
 * @param written - an output of a reproducible sink
 * @returns size and hash of each file; a directory's by its sidecars only
 */
export async function outputDigest(written: Written): Promise<string> {
  const parts: string[] = [];
  for (const suffix of ['', ...(written.report.sidecars ?? [])]) {
    const path = written.path + suffix;
    const stats = await stat(path);
    if (!stats.isFile()) continue;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    parts.push(`${suffix || 'output'}: ${stats.size} bytes, sha256 ${hash.digest('hex')}`);
  }
  return parts.join('; ');
}
