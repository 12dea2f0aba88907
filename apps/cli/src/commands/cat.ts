import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { cacheFlags } from '../cache/cache-flags.ts';
import { IMAGE_FORMS, readFlags } from '../readers/read-flags.ts';

/** `ocirender cat` */
export class Cat extends BaseCommand {
  // Standard output is for the file.
  static override enableJsonFlag = false;

  static override summary = 'Write a file of an image to standard output.';

  static override usage = '<%= command.id %> IMAGE PATH [FLAGS]';

  static override description = `Symbolic links are followed within the image.\n\n${IMAGE_FORMS}`;

  static override examples = [
    {
      description: 'Show a file',
      command: '<%= config.bin %> <%= command.id %> rootfs.squashfs /etc/os-release',
    },
  ];

  static override args = {
    IMAGE: Args.string({ description: 'The image.', required: true, ignoreStdin: true }),
    PATH: Args.string({ description: 'A regular file in the image.', required: true, ignoreStdin: true }),
  };

  static override flags = { ...readFlags, ...cacheFlags };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Cat);
    const { runCat } = await import('../browse/run-cat.ts');
    await runCat({ image: args.IMAGE, path: args.PATH, flags, plugins: this.config.getPluginsList() });
  }
}
