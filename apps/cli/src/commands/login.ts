import type { LoginReport } from '@ocirender/registry';
import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { connectionFlags } from '../registry/registry-flags.ts';

/** `ocirender login` */
export class Login extends BaseCommand {
  static override summary = 'Check a password with a registry and store it.';

  static override usage = '<%= command.id %> [REGISTRY] -u NAME --password-stdin [FLAGS]';

  static override description = [
    'The password is stored where Docker keeps it: in config.json of DOCKER_CONFIG or ~/.docker (or the file that REGISTRY_AUTH_FILE names), readable by you only, or with the program that this file names (credsStore, credHelpers).',
    'A password that the registry refuses is not stored.',
  ].join('\n\n');

  static override examples = [
    {
      description: 'Log in to Docker Hub',
      command: 'printf %s "$TOKEN" | <%= config.bin %> <%= command.id %> --username NAME --password-stdin',
    },
    {
      description: 'Log in to a registry with a certificate of its own',
      command:
        '<%= config.bin %> <%= command.id %> registry.example.com:5000 -u NAME --password-stdin --ca-cert ca.pem < password',
    },
  ];

  static override args = {
    REGISTRY: Args.string({ description: 'Host or host:port.', default: 'docker.io', ignoreStdin: true }),
  };

  static override flags = connectionFlags;

  override async run(): Promise<LoginReport> {
    const { args, flags } = await this.parse(Login);
    const { runLogin } = await import('../registry/run-login.ts');
    return runLogin(args.REGISTRY, flags);
  }
}
