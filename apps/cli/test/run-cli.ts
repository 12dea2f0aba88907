import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built program. */
export const BIN = fileURLToPath(new URL('../bin/run.js', import.meta.url));

/** The example image: three layers, 150 kB. */
export const IMAGE = fileURLToPath(new URL('../../../examples/demo/image', import.meta.url));

/** How a run of the program ended. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory to work in, with its own set of plugins. */
export interface Sandbox {
  readonly directory: string;
  readonly environment: Record<string, string>;
  path(name: string): string;
  remove(): Promise<void>;
}

/** Makes a sandbox in which the named fixtures are linked as plugins. */
export async function makeSandbox(plugins: readonly string[] = ['probe']): Promise<Sandbox> {
  const directory = await mkdtemp(join(tmpdir(), 'ocirender-cli-'));
  const data = await mkdtemp(join(tmpdir(), 'ocirender-data-'));
  const list = plugins.map((name) => {
    const root = fileURLToPath(new URL(`fixtures/plugins/${name}`, import.meta.url));
    return { name: `@test/sink-${name}`, type: 'link', root };
  });
  await writeFile(join(data, 'package.json'), JSON.stringify({ oclif: { schema: 1, plugins: list } }));
  return {
    directory,
    // Nothing of the developer's environment: no DEBUG, no colours, no plugins, no programs.
    environment: { HOME: data, OCIRENDER_DATA_DIR: data, PATH: '', NODE_ENV: 'test' },
    path: (name) => join(directory, name),
    async remove() {
      await rm(directory, { recursive: true, force: true });
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Starts the program; its streams are pipes. */
export function startCli(
  sandbox: Sandbox,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { child: ChildProcess; done: Promise<CliResult> } {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: sandbox.directory,
    env: { ...sandbox.environment, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const done = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, done };
}

/** Runs the program to its end. */
export function runCli(
  sandbox: Sandbox,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return startCli(sandbox, args, environment).done;
}
