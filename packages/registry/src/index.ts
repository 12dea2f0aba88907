/**
 * A client of registries (OCI distribution).
 *
 * ```js
 * import { openRegistryImage } from '@ocirender/registry';
 *
 * const image = await openRegistryImage('nginx:1.27', { platform: 'linux/amd64' });
 * for (const layer of image.layers) {
 *   let bytes = 0;
 *   for await (const chunk of layer.open()) bytes += chunk.length;
 *   console.log(`${layer.digest}: ${bytes} bytes, digest and size verified`);
 * }
 * await image.close();
 * ```
 *
 * @packageDocumentation
 */

export type { ReadBlobOptions, WantedBlob } from './client.ts';
export { RegistryClient } from './client.ts';
export type {
  RegistryAliasEvent,
  RegistryBlobBytesEvent,
  RegistryBlobEndEvent,
  RegistryBlobStartEvent,
  RegistryEvent,
  RegistryEventHandler,
  RegistryManifestEvent,
  RegistryMirrorEvent,
  RegistryRetryEvent,
  RegistryUnverifiedEvent,
  RegistryWaitingEvent,
  RegistryWarningEvent,
} from './events.ts';
export type { LoginOptions, LoginReport, LogoutReport } from './login.ts';
export { login, logout } from './login.ts';
export type { FetchedDocument, FetchedManifest, ManifestRequest } from './manifest-fetch.ts';
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
export type { PassedOver, PlannedBlob } from './pull/plan.ts';

export { pullImage } from './pull/pull-image.ts';
export type { PullEvent, PulledBlob, PullOptions, PullReport } from './pull/pull-report.ts';
export type { RegistryReference } from './reference.ts';
export { formatReference, parseReference, parseRegistry } from './reference.ts';
