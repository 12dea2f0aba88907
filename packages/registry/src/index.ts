/**
 * A client of registries (OCI distribution).
 *
 * @packageDocumentation
 */

export type {
  RegistryBlobBytesEvent,
  RegistryBlobEndEvent,
  RegistryBlobStartEvent,
  RegistryEvent,
  RegistryEventHandler,
  RegistryManifestEvent,
  RegistryRetryEvent,
} from './events.ts';
export type { RegistryImage } from './open-image.ts';
export { openRegistryImage } from './open-image.ts';
export type {
  Credentials,
  OpenRegistryImageOptions,
  PasswordCredentials,
  RegistryLimits,
  RegistryOptions,
  RetryOptions,
  TlsOptions,
} from './options.ts';
export type { RegistryReference } from './reference.ts';
export { formatReference, parseReference, parseRegistry } from './reference.ts';
