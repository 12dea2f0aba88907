import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../base-command.ts';
import { cacheFlags } from '../cache/cache-flags.ts';
import { IMAGE_FORMS, readFlags } from '../readers/read-flags.ts';

/** `ocirender inspect` */
export class Inspect extends BaseCommand {
  static override summary = 'Say what an image is and what it consists of.';

  static override usage = '<%= command.id %> IMAGE [FLAGS]';

  static override description = [
    'Of an OCI image: digest, platform, what a container of it runs, and its layers with media type, sizes, members and whiteouts. Of a filesystem image: the facts of its superblock. Of both: how much of what is in it.',
    IMAGE_FORMS,
  ].join('\n\n');

  static override examples = [
    { description: 'Look at an OCI image', command: '<%= config.bin %> <%= command.id %> ./image:1.2' },
    {
      description: 'Print what a container of it would run',
      command: '<%= config.bin %> <%= command.id %> docker://debian:12 --config | jq .config',
    },
    {
      description: 'Look at a squashfs image, for a script',
      command: '<%= config.bin %> <%= command.id %> rootfs.squashfs --json',
    },
  ];

  static override args = {
    IMAGE: Args.string({ description: 'The image.', required: true, ignoreStdin: true }),
  };

  static override flags = {
    config: Flags.boolean({ summary: "Print the image's config, byte for byte, and nothing else." }),
    ...readFlags,
    ...cacheFlags,
  };

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Inspect);
    const request = {
      image: args.IMAGE,
      flags,
      json: this.jsonEnabled(),
      plugins: this.config.getPluginsList(),
    };
    if (flags.config) {
      const { runShowConfig } = await import('../browse/run-show-config.ts');
      return runShowConfig(request);
    }
    const { runInspect } = await import('../browse/run-inspect.ts');
    return runInspect(request);
  }
}
