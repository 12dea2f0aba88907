// The program of a compression thread.
import { serveSlots } from '@ocirender/block-pipeline/worker';
import { compressSlots } from './compress-slots.ts';

serveSlots(compressSlots);
