import { BlockList, isIP } from 'node:net';
import { OcirenderError } from '@ocirender/interface';
import type { Environment } from './environment.ts';
import { unbracketed } from './unbracketed.ts';

/** A proxy of the environment. */
export interface ProxyChoice {
  readonly kind: 'http' | 'socks';
  /** With name and password, where it has them: never shown. */
  readonly url: URL;
  /** For SOCKS. */
  readonly version?: 4 | 5;
}

const SOCKS: Readonly<Record<string, 4 | 5>> = {
  'socks:': 5,
  'socks5:': 5,
  'socks5h:': 5,
  'socks4:': 4,
  'socks4a:': 4,
};

/**
 * Chooses the proxy for an address, as curl and most tools do: `https_proxy` or `http_proxy` by the address's scheme
 * (https also by `http_proxy`), else `all_proxy`, each in lower case or else in capitals; none for what `no_proxy` names.
 *
 * @returns undefined to connect directly
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for a proxy that cannot be used
 */
export function chooseProxy(url: URL, environment: Environment): ProxyChoice | undefined {
  const variable = (name: string): string | undefined =>
    environment[name] || environment[name.toUpperCase()] || undefined;
  const names =
    url.protocol === 'https:' ? ['https_proxy', 'http_proxy', 'all_proxy'] : ['http_proxy', 'all_proxy'];
  const name = names.find((candidate) => variable(candidate) !== undefined);
  if (name === undefined || isExempt(url, variable('no_proxy') ?? '')) return undefined;
  const text = variable(name)!.trim();
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy !== undefined && proxy.hostname !== '') {
    if (proxy.protocol === 'http:' || proxy.protocol === 'https:') return { kind: 'http', url: proxy };
    const version = Object.hasOwn(SOCKS, proxy.protocol) ? SOCKS[proxy.protocol] : undefined;
    if (version !== undefined) return { kind: 'socks', url: proxy, version };
  }
  // The address may hold a password: it is not shown.
  throw new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `the proxy that ${name.toUpperCase()} names is not usable`,
    {
      hint: 'It must be an address such as http://proxy.example.com:3128 or socks5://proxy.example.com:1080.',
    },
  );
}

/**
 * Whether `no_proxy` names a host: by itself, by a domain that it is in (`example.com`, `.example.com`,
 * `*.example.com`), by an address or a range of addresses (`10.0.0.0/8`, `fd00::/8`); a port restricts each.
 */
export function isExempt(url: URL, list: string): boolean {
  const host = unbracketed(url.hostname).toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const range = /^\[?([0-9a-f:.]+)\]?\/(\d{1,3})$/.exec(entry);
  if (range !== null) return isWithin(host, range[1]!, Number(range[2]));
  const bare = isIP(entry) === 6 ? [entry, undefined] : splitPort(entry);
  const [name, wanted] = bare;
  if (wanted !== undefined && wanted !== port) return false;
  if (isIP(name!) !== 0) return isWithin(host, name!, isIP(name!) === 4 ? 32 : 128);
  const domain = name!.replace(/^\*?\./, '');
  return host === domain || host.endsWith(`.${domain}`);
}

function splitPort(entry: string): [name: string, port: string | undefined] {
  const match = /^(.*?)(?::(\d+))?$/.exec(entry)!;
  return [unbracketed(match[1]!), match[2]];
}

function isWithin(host: string, network: string, bits: number): boolean {
  const [hostFamily, family] = [isIP(host), isIP(network)];
  if (hostFamily === 0 || family === 0 || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, hostFamily === 4 ? 'ipv4' : 'ipv6');
}
