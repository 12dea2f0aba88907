import type { LogoutReport } from '@ocirender/registry';
import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { printMessage } from '../report/print-message.ts';

/** `ocirender logout` */
export class Logout extends BaseCommand {
  static override summary = 'Remove the stored password of a registry.';

  static override description =
    "It is removed from Docker's config.json, from the auth.json of Podman and Skopeo, and from the programs that they name.";

  static override examples = [
    {
      description: 'Log out of a registry',
      command: '<%= config.bin %> <%= command.id %> registry.example.com:5000',
    },
  ];

  static override args = {
    REGISTRY: Args.string({ description: 'Host or host:port.', default: 'docker.io', ignoreStdin: true }),
  };

  override async run(): Promise<LogoutReport> {
    const { args } = await this.parse(Logout);
    const { logout } = await import('@ocirender/registry');
    const report = await logout(args.REGISTRY);
    for (const place of report.removedFrom) printMessage(`Removed from ${place}.`);
    if (report.removedFrom.length === 0) printMessage(`There is no password stored for ${report.registry}.`);
    return report;
  }
}
