import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { convertFlags } from '../convert/convert-flags.ts';
import type { JsonReport } from '../report/json-report.ts';

/** `ocirender convert` */
export class Convert extends BaseCommand {
  static override summary = 'Turn an OCI image into a filesystem image, an archive or a directory.';

  static override usage = '<%= command.id %> IMAGE OUTPUT [--sink NAME] [FLAGS]';

  static override description = [
    'IMAGE is what it looks like: a directory with an OCI layout or an unpacked "docker save" (DIR, DIR:TAG, DIR@DIGEST); an archive of either, also compressed (FILE, FILE:NAME); - for an archive on standard input; a directory by "skopeo copy … dir:DIR"; a layer of Docker\'s overlay2 storage (DIR); else a name in a registry (nginx:1.27, ghcr.io/owner/name). Prefixes force one: oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, overlay2:DIR, docker://NAME; docker-daemon:NAME and podman:NAME take an image that Docker or Podman keeps.',
    'Layers from a registry are merged while they arrive; what comes too early waits in temporary files without names (--spool).',
    'All layers are merged as a container runtime does it. The output appears under its name only when it is complete and on the disk; after an error or Ctrl-C nothing is left. Devices, the input and the current directory are never overwritten; a directory that is not empty only with --replace-directory. The same image and options give the same bytes.',
    'SOURCE_DATE_EPOCH (seconds) is the time of whatever has none of its own. DEBUG=ocirender:* logs timings.',
    'Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.',
  ].join('\n\n');

  static override examples = [
    {
      description: 'Make a squashfs image',
      command: '<%= config.bin %> <%= command.id %> ./image rootfs.squashfs',
    },
    {
      description: 'Take one tag and platform, compress harder',
      command:
        '<%= config.bin %> <%= command.id %> ./image:1.2 -o rootfs.squashfs --platform linux/arm64 -O compression=xz',
    },
    {
      description: 'Pipe one merged tar into another program',
      command: '<%= config.bin %> <%= command.id %> ./image -s tar -o - --plan-first | tar -tv',
    },
    {
      description: 'Make an ext4 filesystem with room to write for a virtual machine',
      command: '<%= config.bin %> <%= command.id %> ./image -o rootfs.ext4 --size 2G --label root',
    },
    {
      description: 'Write a directory',
      command: '<%= config.bin %> <%= command.id %> ./image -s dir -o ./rootfs',
    },
    {
      description: 'Convert straight from a registry',
      command: '<%= config.bin %> <%= command.id %> docker://nginx:1.27 -o nginx.squashfs',
    },
    {
      description: 'Convert what docker save writes',
      command:
        'docker save my/app:1.0 | <%= config.bin %> <%= command.id %> - -o app.squashfs --config-out app.json',
    },
    {
      description: 'Get a report for a script',
      command: '<%= config.bin %> <%= command.id %> ./image -o rootfs.tar --json --progress none',
    },
  ];

  static override args = {
    IMAGE: Args.string({
      description: 'The image: a directory, an archive, - or a name in a registry.',
      ignoreStdin: true,
    }),
    OUTPUT: Args.string({
      description: 'The file or directory to write; the same as --output.',
      ignoreStdin: true,
    }),
  };

  static override flags = convertFlags;

  override async run(): Promise<JsonReport> {
    const { args, flags } = await this.parse(Convert);
    // Loaded here: what --help and --version do not need must not slow them down.
    const { runConvert } = await import('../convert/run-convert.ts');
    return runConvert({
      image: args.IMAGE,
      outputArgument: args.OUTPUT,
      flags,
      json: this.jsonEnabled(),
      plugins: this.config.getPluginsList(),
    });
  }
}
