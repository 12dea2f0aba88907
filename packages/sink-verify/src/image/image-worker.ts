import { parentPort, workerData } from 'node:worker_threads';
import { serveImage } from './serve-image.ts';
import type { ImageLocation } from './thread-protocol.ts';

// Entry point of the thread that `ThreadImage` starts.
if (parentPort !== null) await serveImage(parentPort, workerData as ImageLocation);
