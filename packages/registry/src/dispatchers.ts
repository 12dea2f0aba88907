import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { tlsAwareConnector } from './connector.ts';
import type { TlsOptions } from './options.ts';
import { chooseProxy, type ProxyChoice } from './proxy-choice.ts';
import { socksConnector } from './socks-connector.ts';
import { TlsContexts } from './tls.ts';

/** What connections depend on. */
export interface ConnectionSettings {
  readonly tls: TlsOptions | undefined;
  readonly connectTimeoutMs: number;
  /** Host names that are shown the client certificate, and of which certificates may go unchecked: the registry's. */
  readonly hosts: readonly string[];
  /** Hosts, with their ports, of which certificates are not checked. */
  readonly unverifiedHosts: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Keeps connections: direct ones to this machine, through the environment's proxies elsewhere. */
export class Dispatchers {
  readonly #settings: ConnectionSettings;
  readonly #made = new Map<string, Dispatcher>();
  readonly #contexts: TlsContexts;

  /** @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for certificates that cannot be used */
  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#contexts = new TlsContexts(settings.tls, settings.environment);
  }

  /**
   * Gives the dispatcher for a server.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the environment names a proxy that is no address
   */
  for(url: URL): Dispatcher {
    const known = this.#settings.hosts.includes(url.hostname);
    const proxy = this.proxyOf(url);
    // Plain http has no certificates: one dispatcher does for all of it.
    const server = url.protocol === 'https:' ? url.host : '';
    const key = `${server} ${known} ${proxy?.url.href ?? ''}`;
    let dispatcher = this.#made.get(key);
    if (dispatcher === undefined) {
      dispatcher = this.#make(server, known, proxy);
      this.#made.set(key, dispatcher);
    }
    return dispatcher;
  }

  /**
   * The proxy that leads to a server, if one does.
   *
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the environment names a proxy that is no address
   */
  proxyOf(url: URL): ProxyChoice | undefined {
    return isLoopback(url.hostname) ? undefined : chooseProxy(url, this.#settings.environment);
  }

  /** Ends all connections, busy ones too. */
  async close(): Promise<void> {
    const all = [...this.#made.values()];
    this.#made.clear();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #make(server: string, known: boolean, proxy: ProxyChoice | undefined): Dispatcher {
    const timeout = this.#settings.connectTimeoutMs;
    const { unverifiedHosts, tls: options } = this.#settings;
    const isUnverified = (known && options?.verify === false) || unverifiedHosts.includes(server);
    const tls = {
      timeout,
      ...(server === '' ? {} : { secureContext: this.#contexts.for(server, known) }),
      ...(isUnverified ? { rejectUnauthorized: false } : {}),
    };
    const connect = tlsAwareConnector(tls);
    // Times without data are counted by the caller, who knows whether it asked for any.
    const common = { bodyTimeout: 0, headersTimeout: 0, connect };
    if (proxy === undefined) return new Agent(common);
    if (proxy.kind === 'socks') {
      return new Agent({ ...common, connect: socksConnector(proxy, connect, timeout) });
    }
    return new ProxyAgent({
      ...common,
      uri: proxy.url.href,
      // Plain http is handed to the proxy as other programs do it: many proxies refuse a tunnel to port 80.
      proxyTunnel: false,
      requestTls: tls,
      ...(proxy.url.protocol === 'https:' && {
        proxyTls: { timeout, secureContext: this.#contexts.others },
      }),
    });
  }
}

/** Whether a host name (of a URL) is this machine: proxies are of no use there, and no other tool asks them. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}
