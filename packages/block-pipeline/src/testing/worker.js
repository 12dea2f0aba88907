// The program of the threads of tests.
import { serveSlots } from '@ocirender/block-pipeline/worker';
import { begin } from './work.js';

serveSlots(begin);
