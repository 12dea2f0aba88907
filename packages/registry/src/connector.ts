import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

/**
 * Makes what opens connections for undici. With TLS 1.3 a server refuses a client's certificate after the handshake:
 * the alert comes with the end of the connection, of which undici would keep the end only.
 *
 * @param options - as undici takes them
 */
export function tlsAwareConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (target, callback) =>
    connect(target, (...outcome) => {
      const socket: Socket | null = outcome[1];
      // What is destroyed by an error ends with that error.
      socket?.prependListener('error', (error) => {
        if ('code' in error && String(error.code).startsWith('ERR_SSL_')) socket.destroy(error);
      });
      callback(...outcome);
    });
}
