import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';

const helpGroup = 'REGISTRY';

/** How a registry is reached and logged in to: of every command that talks to one. */
export const connectionFlags = {
  username: Flags.string({
    char: 'u',
    summary: 'User name at the registry. [default: what "ocirender login" or Docker has stored]',
    helpValue: 'NAME',
    helpGroup,
  }),
  'password-stdin': Flags.boolean({ summary: 'Read the password from standard input.', helpGroup }),
  'ca-cert': Flags.string({
    summary: 'Certificates (PEM) that are trusted besides those that come with Node.',
    helpValue: 'FILE',
    helpGroup,
  }),
  'client-cert': Flags.string({
    summary: 'Certificate (PEM) to show to the registry.',
    helpValue: 'FILE',
    helpGroup,
  }),
  'client-key': Flags.string({
    summary: 'Private key (PEM) of --client-cert.',
    helpValue: 'FILE',
    helpGroup,
  }),
  'tls-verify': Flags.option({
    summary: 'Check the certificate of the registry; false only for one that IMAGE names by its host.',
    options: ['true', 'false'] as const,
    default: 'true',
    helpGroup,
  })(),
  timeout: Flags.string({
    summary:
      'Limit on the time for which the registry may be silent, for example 90s or 1h. [default: 15m for blobs, 1m for documents]',
    helpValue: 'TIME',
    helpGroup,
  }),
  insecure: Flags.boolean({
    summary: 'Talk plain http to the registry, without encryption; needed for localhost too.',
    helpGroup,
  }),
};

/** How images are fetched from registries. */
export const registryFlags = {
  ...connectionFlags,
  'allow-foreign-layers': Flags.boolean({
    summary: 'Fetch layers that the registry does not hold from where the manifest says, over https.',
    helpGroup,
  }),
  'registry-mirror': Flags.string({
    summary: 'Try URL before the registry HOST; may be given several times.',
    helpValue: 'HOST=URL',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup,
  }),
};

/** The parsed {@link connectionFlags}. */
export type ConnectionFlags = InferredFlags<typeof connectionFlags>;

/** The parsed {@link registryFlags}. */
export type RegistryFlags = InferredFlags<typeof registryFlags>;
