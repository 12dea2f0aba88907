import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OcirenderError } from '@ocirender/interface';
import type { PluginOrigin } from './catalog.ts';

/** Where something of a plugin is. */
export interface ExportLocation {
  readonly root: string;
  readonly module: string;
  readonly export: string;
}

/**
 * Gives the URL of a plugin's module.
 *
 * @param location - where it is
 */
export function moduleUrl({ root, module }: ExportLocation): string {
  return pathToFileURL(join(root, module)).href;
}

/**
 * Loads a plugin's module and checks what it exports.
 *
 * @param location - where it is
 * @param kind - `sink`, `reader`: for messages
 * @param check - tells the right kind of thing
 * @returns the export
 * @throws {OcirenderError} `ERR_OCIRENDER_UNKNOWN_SINK` when the module cannot be loaded or exports nothing of the kind
 * and of our interface; `cause` is what loading threw
 */
export async function loadExport<T>(
  location: ExportLocation,
  kind: string,
  check: (value: unknown) => value is T,
): Promise<T> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(moduleUrl(location))) as Record<string, unknown>;
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `its module ${location.module} cannot be loaded`, {
      cause,
    });
  }
  const found = module[location.export];
  if (check(found)) return found;
  const problem =
    found === undefined ? `has no export "${location.export}"` : `exports no ${kind} as "${location.export}"`;
  throw new OcirenderError('ERR_OCIRENDER_UNKNOWN_SINK', `its module ${location.module} ${problem}`);
}

/**
 * Makes the error of a plugin's thing that cannot be used.
 *
 * @param kind - `sink`, `reader`
 * @param thing - its name and plugin
 * @param why - what loading threw, or a reason in words
 */
export function unusableError(
  kind: string,
  { name, plugin }: { readonly name: string; readonly plugin: PluginOrigin },
  why: { readonly cause?: unknown; readonly reason?: string },
): OcirenderError {
  const reason = why.reason === undefined ? '' : `: ${why.reason}`;
  return new OcirenderError(
    'ERR_OCIRENDER_UNKNOWN_SINK',
    `the ${kind} ${name} of plugin ${plugin.name} ${plugin.version} cannot be used${reason}`,
    {
      cause: why.cause,
      hint: plugin.bundled
        ? 'The installation of ocirender is damaged; install it again.'
        : `Update it with "ocirender plugins update", or remove it with "ocirender plugins uninstall ${plugin.name}".`,
    },
  );
}
