import { BaseCommand } from '../base-command.ts';
import { printLines } from '../report/print-lines.ts';

/** What `ocirender version --json` prints. */
export interface VersionJson {
  readonly ocirender: string;
  readonly node: string;
  /** `linux-x64` */
  readonly platform: string;
  /** Of the zlib in Node.js. */
  readonly zlib: string;
  /** Of the zstd in Node.js; absent where a package stands in for it. */
  readonly zstd?: string;
}

/** `ocirender version`, and `ocirender --version --json` */
export class Version extends BaseCommand {
  static override summary = 'Show the version, and those that the bytes of outputs depend on.';

  static override examples = [
    { description: 'Show the version', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Show those of the compressors, too',
      command: '<%= config.bin %> <%= command.id %> --json',
    },
  ];

  override async run(): Promise<VersionJson> {
    await this.parse(Version);
    if (!this.jsonEnabled()) await printLines([this.config.userAgent]);
    const { zlib, zstd } = process.versions as { zlib: string; zstd?: string };
    return {
      ocirender: this.config.version,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      zlib,
      ...(zstd === undefined ? {} : { zstd }),
    };
  }
}
