import { createServer, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** A proxy in front of a registry that lets so many bytes a second through, of all connections together. */
export interface ThrottleProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Paths of blobs that were asked for, in that order. */
  readonly blobs: string[];
  /** When (ms of `performance.now()`) the last byte of each blob was passed on, by path. */
  readonly ends: Map<string, number>;
  close(): Promise<void>;
}

/** Bytes that pass at once. */
const PIECE = 64 * 1024;

/** How much the line may make up for time in which this process did not get to run. */
const CREDIT_MS = 300;

/**
 * Starts a proxy.
 *
 * @param target - `HOST:PORT` of the registry
 * @param rate - bytes a second
 */
export async function startThrottleProxy(target: string, rate: number): Promise<ThrottleProxy> {
  const [hostname, port] = target.split(':');
  const blobs: string[] = [];
  const ends = new Map<string, number>();
  /** When the line is free again, in ms. */
  let free = 0;
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    const isBlob = path.includes('/blobs/');
    if (isBlob) blobs.push(path);
    const upstream = request(
      { hostname, port, path, method: incoming.method, headers: { ...incoming.headers, host: target } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        const pass = async (): Promise<void> => {
          for await (const chunk of answer) {
            const bytes = chunk as Buffer;
            for (let at = 0; at < bytes.length; at += PIECE) {
              const piece = bytes.subarray(at, at + PIECE);
              free = Math.max(free, performance.now() - CREDIT_MS) + (piece.length / rate) * 1000;
              const early = free - performance.now();
              if (early > 2) await wait(early);
              if (!outgoing.write(piece)) {
                await new Promise<void>((resolve) => {
                  const done = (): void => {
                    outgoing.off('drain', done);
                    outgoing.off('close', done);
                    resolve();
                  };
                  outgoing.on('drain', done);
                  outgoing.on('close', done);
                });
              }
            }
          }
          outgoing.end();
          if (isBlob) ends.set(path, performance.now());
        };
        pass().catch(() => outgoing.destroy());
      },
    );
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: `127.0.0.1:${address.port}`,
    blobs,
    ends,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
