import { fileURLToPath } from 'node:url';
import { type Finished, finished, must, type RunOptions, start } from './run.ts';

/** The built command. */
export const CLI = fileURLToPath(new URL('../../apps/cli/bin/run.js', import.meta.url));

/** The sinks that come with it, with the ending of their outputs. */
export const SINKS = [
  ['squashfs', '.squashfs'],
  ['ext4', '.ext4'],
  ['tar', '.tar'],
  ['dir', ''],
] as const;

export type SinkName = (typeof SINKS)[number][0];

/** Runs the built command to its end. */
export async function ocirender(
  args: readonly string[],
  options: RunOptions & { node?: string } = {},
): Promise<Finished> {
  return finished(startOcirender(args, options));
}

/** Starts the built command. */
export function startOcirender(
  args: readonly string[],
  { node = process.execPath, ...options }: RunOptions & { node?: string } = {},
): ReturnType<typeof start> {
  return start(node, [CLI, ...args], options);
}

/** Gives the path of a Node of the 24 line. */
export async function node24(): Promise<string> {
  return (await must('npx', ['-y', '-p', 'node@24', '--', 'node', '-p', 'process.execPath'])).trim();
}

/** Runs a conversion that must succeed. */
export async function convertWithCli(
  image: string,
  sink: string,
  output: string,
  args: readonly string[] = [],
  node: string = process.execPath,
): Promise<void> {
  const all = ['convert', image, '--sink', sink, '--output', output, '--progress', 'none', ...args];
  const { code, stderr } = await ocirender(all, { node });
  if (code !== 0) throw new Error(`ocirender ${all.join(' ')} ended with ${code}:\n${stderr}`);
}
