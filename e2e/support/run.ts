import { spawn } from 'node:child_process';

/** How a program ended. */
export interface Finished {
  /** Exit code, or the signal's name. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment. @defaultValue that of this process */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. A program that cannot be started is an error. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return finished(start(command, args, options));
}

/** Starts a program without input. */
export function start(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): ReturnType<typeof spawn> {
  return spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Waits for a started program and collects what it prints. */
export async function finished(child: ReturnType<typeof spawn>): Promise<Finished> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk));
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal!));
  });
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** Runs a program that must succeed, and gives what it prints. */
export async function must(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}
