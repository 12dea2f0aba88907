import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { IMAGE_FORMS } from '../readers/read-flags.ts';
import type { VerifyReport } from '../verify/run-verify.ts';
import { verifyFlags } from '../verify/verify-flags.ts';

/** `ocirender verify` */
export class Verify extends BaseCommand {
  static override summary = 'Compare two forms of an image, without mounting anything.';

  static override usage = [
    '<%= command.id %> SUBJECT REFERENCE [FLAGS]',
    '<%= command.id %> --squashfs FILE --reference DIR [FLAGS]',
  ];

  static override description = [
    'Reports names that only one image has, and for each common name what differs: type, mode, owner, size, time, link target, hard links, device numbers, extended attributes, contents (SHA-256 of both, and the first byte that differs).',
    IMAGE_FORMS,
    'Times are compared as far as both forms can hold them; the report says so. Link counts are those that names do not explain; the mode of a symbolic link means nothing.',
    'A directory that this user may not list is reported and does not end the comparison; what cannot be compared does not count as equal (leave it out with --exclude).',
    'Exit status: 0 equal, 3 different or not comparable, 1 failed, 2 wrong usage, 130 interrupted.',
  ].join('\n\n');

  static override examples = [
    {
      description: 'Check a squashfs image against the OCI image that it was made of',
      command: '<%= config.bin %> <%= command.id %> rootfs.squashfs ./image',
    },
    {
      description: 'Compare with an unpacked directory, whoever owns its files',
      command: '<%= config.bin %> <%= command.id %> rootfs.squashfs ./rootfs --ignore uid,gid',
    },
    {
      description: 'Compare with what "docker export" wrote',
      command: '<%= config.bin %> <%= command.id %> ./image:1.2 export.tar --docker-export',
    },
  ];

  static override args = {
    SUBJECT: Args.string({ description: 'The image to check.', ignoreStdin: true }),
    REFERENCE: Args.string({ description: 'What it should be.', ignoreStdin: true }),
  };

  static override flags = verifyFlags;

  override async run(): Promise<VerifyReport> {
    const { args, flags } = await this.parse(Verify);
    const { runVerify } = await import('../verify/run-verify.ts');
    return runVerify({
      subject: args.SUBJECT,
      reference: args.REFERENCE,
      flags,
      json: this.jsonEnabled(),
      plugins: this.config.getPluginsList(),
    });
  }
}
