import { connect } from 'node:tls';
import { unbracketed } from '../unbracketed.ts';

/**
 * Finds out whether a server that may go without a checked certificate speaks TLS at all, as Podman does it.
 *
 * @param host - `HOST[:PORT]`
 * @param timeoutMs - until the answer counts as no
 */
export function speaksTls(host: string, timeoutMs: number): Promise<boolean> {
  const { hostname, port } = new URL(`https://${host}`);
  return new Promise((resolve) => {
    const socket = connect({
      host: unbracketed(hostname),
      port: Number(port) || 443,
      rejectUnauthorized: false,
      timeout: timeoutMs,
    });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('secureConnect', end(true));
    socket.once('timeout', end(false));
    socket.once('error', end(false));
  });
}
