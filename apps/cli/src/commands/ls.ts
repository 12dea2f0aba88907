import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../base-command.ts';
import type { JsonEntry } from '../browse/listing.ts';
import { cacheFlags } from '../cache/cache-flags.ts';
import { IMAGE_FORMS, readFlags } from '../readers/read-flags.ts';

/** `ocirender ls` */
export class Ls extends BaseCommand {
  static override summary = 'List what is in an image.';

  static override usage = '<%= command.id %> IMAGE [PATH] [FLAGS]';

  static override description = [
    'Prints type and permissions ("+" when there are extended attributes), link count where the form has one, owner, size or device numbers, time (UTC) and name. Odd bytes of names are escaped; PATH may be written with the same escapes.',
    IMAGE_FORMS,
  ].join('\n\n');

  static override examples = [
    { description: 'List the root', command: '<%= config.bin %> <%= command.id %> rootfs.squashfs' },
    {
      description: 'List everything below a directory',
      command: '<%= config.bin %> <%= command.id %> ./image:1.2 /etc --recursive',
    },
  ];

  static override args = {
    IMAGE: Args.string({ description: 'The image.', required: true, ignoreStdin: true }),
    PATH: Args.string({ description: 'A name in the image. [default: /]', ignoreStdin: true }),
  };

  static override flags = {
    long: Flags.boolean({ char: 'l', summary: 'Print the long form, which is the only one.', hidden: true }),
    recursive: Flags.boolean({ char: 'R', summary: 'List everything below, with whole paths.' }),
    ...readFlags,
    ...cacheFlags,
  };

  override async run(): Promise<JsonEntry[]> {
    const { args, flags } = await this.parse(Ls);
    const { runLs } = await import('../browse/run-ls.ts');
    return runLs({
      image: args.IMAGE,
      path: args.PATH,
      flags,
      json: this.jsonEnabled(),
      plugins: this.config.getPluginsList(),
    });
  }
}
