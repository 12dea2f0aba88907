import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** One way in which an answer goes wrong. */
export type Fault =
  /** The connection is reset after so many bytes of the body. */
  | { readonly kind: 'reset'; readonly after: number }
  /** Nothing comes any more after so many bytes of the body. */
  | { readonly kind: 'stall'; readonly after: number }
  /** The body ends after so many bytes as if it were complete. */
  | { readonly kind: 'truncate'; readonly after: number }
  /** `Content-Length` is another one, and so is the body. */
  | { readonly kind: 'wrong-length' }
  /** The body has the right length, but one byte is wrong. */
  | { readonly kind: 'wrong-bytes' }
  /** Another status, without the body. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** A redirect to the same path of another host. */
  | { readonly kind: 'redirect'; readonly to: string };

/** A proxy in front of a registry that can be made to misbehave. */
export interface FaultProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** What was asked for: path, `Range` and `Authorization`. */
  readonly seen: { path: string; range: string | undefined; authorization: string | undefined }[];
  /** Faults of each blob, by digest, one after the other. `*` is for blobs without a list of their own. */
  faults: Map<string, Fault[]>;
  /** Hides `Range` from the registry. */
  ignoreRange: boolean;
  close(): Promise<void>;
}

/**
 * Starts a proxy.
 *
 * @param target - `HOST:PORT` of the registry
 */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const [hostname, port] = target.split(':');
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const path = incoming.url ?? '/';
    const { range, authorization } = incoming.headers;
    proxy.seen.push({ path, range, authorization });
    const digest = /\/blobs\/(.*)$/.exec(path)?.[1];
    const fault = digest === undefined ? undefined : nextFault(proxy.faults, digest);
    if (fault?.kind === 'status') {
      outgoing.writeHead(fault.status, fault.headers);
      outgoing.end();
      return;
    }
    if (fault?.kind === 'redirect') {
      outgoing.writeHead(307, { location: `http://${fault.to}${path}` });
      outgoing.end();
      return;
    }
    const headers = { ...incoming.headers, host: target };
    if (proxy.ignoreRange) delete headers.range;
    const upstream = request({ hostname, port, path, method: incoming.method, headers }, (answer) => {
      spoil(answer, outgoing, fault).catch(() => outgoing.destroy());
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  };
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy: FaultProxy = {
    host: `127.0.0.1:${address.port}`,
    seen: [],
    faults: new Map(),
    ignoreRange: false,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Faults under `*` are copied for each blob when it is first asked for. */
function nextFault(faults: Map<string, Fault[]>, digest: string): Fault | undefined {
  let own = faults.get(digest);
  if (own === undefined) {
    own = [...(faults.get('*') ?? [])];
    faults.set(digest, own);
  }
  return own.shift();
}

/** Passes an answer on, in the way that the fault wants. */
async function spoil(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  const headers = { ...answer.headers };
  if (fault?.kind === 'truncate') delete headers['content-length'];
  if (fault?.kind === 'wrong-length') headers['content-length'] = '3';
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  if (fault?.kind === 'wrong-length') {
    outgoing.end('abc');
    return;
  }
  const limit = fault !== undefined && 'after' in fault ? fault.after : Number.POSITIVE_INFINITY;
  const closed = new Promise((resolve) => outgoing.once('close', resolve));
  let sent = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk as Buffer);
    if (fault?.kind === 'wrong-bytes' && sent === 0) bytes[bytes.length - 1]! ^= 1;
    const part = bytes.subarray(0, Math.max(0, limit - sent));
    sent += part.length;
    if (part.length > 0 && !outgoing.write(part)) {
      await Promise.race([once(outgoing, 'drain'), closed]);
    }
    if (sent < limit) continue;
    // What was written shall arrive before the end does.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (fault?.kind === 'reset') outgoing.socket?.resetAndDestroy();
    if (fault?.kind === 'truncate') outgoing.end();
    return;
  }
  outgoing.end();
}
