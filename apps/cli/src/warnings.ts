import { printMessage } from './report/print-message.ts';

/**
 * Replaces Node's printing of process warnings: one line each instead of a dump. oclif reports plugins that
 * it cannot load this way, on every command; `ocirender sinks` says more about them.
 */
export function printWarningsBriefly(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'DeprecationWarning') return;
    // oclif inspects the plugin's options over several lines; its name is what matters.
    const plugin = /\bPlugin: /.test(warning.name)
      ? /\bname: '([^']+)'/.exec(warning.message)?.[1]
      : undefined;
    const text =
      plugin === undefined
        ? warning.message
        : `the plugin ${plugin} cannot be loaded; install it again or run "ocirender plugins uninstall ${plugin}"`;
    printMessage(`Warning: ${text}`);
  });
}
