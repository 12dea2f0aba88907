import { RegistryClient } from './client.ts';
import type { RegistryOptions } from './options.ts';
import { DOCKER_PREFIX, parseReference, type RegistryReference, registryBase } from './reference.ts';
import { readRegistriesConf } from './registries-conf/read-conf.ts';
import { type Place, resolveAlias, routeOf } from './registries-conf/route.ts';
import { speaksTls } from './registries-conf/speaks-tls.ts';
import { retrySettings } from './settings.ts';
import type { SettledPlace } from './settled-route.ts';

/**
 * Makes the client for an image, by its reference and by what `registries.conf` says of it: aliases, mirrors, other
 * locations, what is blocked. What the options name (mirrors, plain http) counts more.
 *
 * @param text - as the user wrote it
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for what is malformed or blocked, `ERR_OCIRENDER_IO`
 */
export async function connectRegistry(
  text: string,
  options: RegistryOptions,
): Promise<{ readonly reference: RegistryReference; readonly client: RegistryClient }> {
  const { environment = process.env, onEvent, useRegistriesConf = true } = options;
  if (!useRegistriesConf) {
    const reference = parseReference(text);
    return { reference, client: new RegistryClient(reference.registry, options) };
  }
  const conf = await readRegistriesConf(environment);
  const alias = text.startsWith(DOCKER_PREFIX) ? undefined : resolveAlias(text, conf);
  if (alias !== undefined) onEvent?.({ type: 'alias', name: text, meaning: alias.text, file: alias.file });
  const reference = parseReference(alias?.text ?? text);
  const route = routeOf(reference, conf);
  if (route === undefined) return { reference, client: new RegistryClient(reference.registry, options) };
  const mirrors: SettledPlace[] = [];
  for (const place of route.mirrors) mirrors.push(await settle(place, options));
  const location = route.location && (await settle(route.location, options));
  const settled = { file: route.file, mirrors, ...(location === undefined ? {} : { location }) };
  return { reference, client: new RegistryClient(reference.registry, options, settled) };
}

/** An insecure server is spoken to by TLS where it can, with a certificate that nobody checks, else by plain http. */
async function settle(
  { host, repository, insecure }: Place,
  options: RegistryOptions,
): Promise<SettledPlace> {
  const isTls = !insecure || (await speaksTls(host, retrySettings(options.retry).connectTimeoutMs));
  return { name: host, repository, base: registryBase(host, !isTls), isUnverified: insecure && isTls };
}
