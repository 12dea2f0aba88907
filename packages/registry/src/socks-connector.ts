import { SocksClient } from 'socks';
import type { buildConnector } from 'undici';
import type { ProxyChoice } from './proxy-choice.ts';
import { unbracketed } from './unbracketed.ts';

/** Where SOCKS proxies listen when their address names no port. */
const DEFAULT_PORT = 1080;

/**
 * Makes what opens connections through a SOCKS proxy, which looks names up itself.
 *
 * @param proxy - from `chooseProxy`
 * @param connect - speaks TLS over what the proxy has connected
 * @param timeoutMs - until the proxy has connected
 * @see https://www.rfc-editor.org/rfc/rfc1928
 */
export function socksConnector(
  { url, version = 5 }: ProxyChoice,
  connect: buildConnector.connector,
  timeoutMs: number,
): buildConnector.connector {
  return (target, callback) => {
    const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
    const login =
      url.username === ''
        ? {}
        : { userId: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    SocksClient.createConnection(
      {
        proxy: {
          host: unbracketed(url.hostname),
          port: Number(url.port) || DEFAULT_PORT,
          type: version,
          ...login,
        },
        command: 'connect',
        destination: { host: unbracketed(target.hostname), port },
        timeout: timeoutMs,
      },
      (error, established) => {
        // The library's error holds its options, the password among them.
        if (error !== null) callback(new Error(`the SOCKS proxy ${url.host}: ${error.message}`), null);
        else if (target.protocol === 'https:')
          connect({ ...target, httpSocket: established!.socket }, callback);
        else callback(null, established!.socket);
      },
    ).catch(() => {
      // It was told to the callback.
    });
  };
}
