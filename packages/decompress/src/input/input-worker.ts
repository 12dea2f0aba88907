// The program of an input thread: reads and decompresses one layer after the other, or hashes what another one has
// decompressed. It is put to sleep when a ring is full or empty, so its messages are read between jobs only.
import { createHash } from 'node:crypto';
import { type MessagePort, workerData } from 'node:worker_threads';
import type { HashJob, InputCommand, InputNews } from './messages.ts';
import { ReadRun } from './read-run.ts';
import { RingFollower, RingStopped } from './ring.ts';

const { port } = workerData as { port: MessagePort };
let run: ReadRun | undefined;

function post(news: InputNews): void {
  port.postMessage(news);
}

function hashAll({ ring, algorithm }: HashJob): string | undefined {
  const hash = createHash(algorithm);
  try {
    for (const bytes of new RingFollower(ring).chunks()) hash.update(bytes);
    return `${algorithm}:${hash.digest('hex')}`;
  } catch (error) {
    if (error instanceof RingStopped) return undefined;
    throw error;
  }
}

async function close(): Promise<void> {
  await run?.close();
  run = undefined;
  post({ type: 'closed' });
}

port.on('message', (command: InputCommand) => {
  switch (command.type) {
    case 'read':
      run = new ReadRun(command, post);
      run.start();
      break;
    case 'hash':
      post({ type: 'digest', digest: hashAll(command) });
      break;
    case 'drain':
      void run?.drain(command.most);
      break;
    case 'close':
      void close();
      break;
    case 'exit':
      port.close();
      break;
  }
});
