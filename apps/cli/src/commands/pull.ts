import type { PullReport } from '@ocirender/registry';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../base-command.ts';
import { documentLimitFlags } from '../convert/source-limit-flags.ts';
import { PROGRESS_MODES } from '../progress/progress-mode.ts';
import { quietFlag } from '../progress/quiet-flag.ts';
import { registryFlags } from '../registry/registry-flags.ts';

/** `ocirender pull` */
export class Pull extends BaseCommand {
  static override summary = 'Copy an image of a registry into an OCI layout on disk.';

  static override usage = '<%= command.id %> IMAGE DIR [FLAGS]';

  static override description = [
    'IMAGE is a name such as nginx:1.27 or registry.example.com:5000/name@sha256:….',
    'DIR is an OCI layout, which keeps what it holds already, or a directory that is empty or does not exist. A second run fetches only what is missing, damaged or incomplete.',
    'Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.',
  ].join('\n\n');

  static override examples = [
    { description: 'Copy an image', command: '<%= config.bin %> <%= command.id %> nginx:1.27 ./images' },
    {
      description: 'Copy it for all platforms',
      command: '<%= config.bin %> <%= command.id %> nginx:1.27 ./images --all-platforms',
    },
    {
      description: 'Ask a mirror first',
      command:
        '<%= config.bin %> <%= command.id %> nginx ./images --registry-mirror docker.io=https://mirror.example.com',
    },
  ];

  static override args = {
    IMAGE: Args.string({ description: 'Name of the image.', required: true, ignoreStdin: true }),
    DIR: Args.string({ description: 'Directory of the layout.', required: true, ignoreStdin: true }),
  };

  static override flags = {
    platform: Flags.string({
      summary: 'Platform to take from a multi-platform image. [default: that of this machine]',
      helpValue: 'OS/ARCH[/VARIANT]',
      exclusive: ['all-platforms'],
    }),
    'all-platforms': Flags.boolean({ summary: 'Copy the index and everything that it names.' }),
    concurrency: Flags.integer({
      summary: 'Blobs that are fetched at the same time.',
      helpValue: 'N',
      min: 1,
      max: 64,
      default: 3,
    }),
    ...documentLimitFlags,
    ...registryFlags,
    quiet: quietFlag,
    progress: Flags.option({
      summary: 'Progress on standard error: bars on a terminal, lines, or nothing.',
      options: PROGRESS_MODES,
      default: 'auto',
      helpGroup: 'DISPLAY',
    })(),
  };

  override async run(): Promise<PullReport> {
    const { args, flags } = await this.parse(Pull);
    const { runPull } = await import('../registry/run-pull.ts');
    return runPull({ image: args.IMAGE, directory: args.DIR, flags, json: this.jsonEnabled() });
  }
}
