import { BaseCommand } from '../base-command.ts';
import { printLines } from '../report/print-lines.ts';
import type { SinkListing } from '../sinks/list-sinks.ts';

/** `ocirender sinks` */
export class Sinks extends BaseCommand {
  static override summary = 'List the sinks that are installed, with their options.';

  static override description =
    'A sink is an output format. Plugins that cannot be used are listed with the reason. Add one with "ocirender plugins install NAME".';

  static override examples = [
    { description: 'List the sinks', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'List them for a script', command: '<%= config.bin %> <%= command.id %> --json' },
  ];

  override async run(): Promise<SinkListing> {
    await this.parse(Sinks);
    const { listSinks } = await import('../sinks/list-sinks.ts');
    const { renderListing } = await import('../sinks/render-listing.ts');
    const listing = await listSinks(this.config.getPluginsList(), this.config.dataDir);
    if (!this.jsonEnabled()) await printLines(renderListing(listing));
    return listing;
  }
}
