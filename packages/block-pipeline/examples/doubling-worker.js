// The program of the threads of examples/basic.js.
import { serveSlots } from '@ocirender/block-pipeline/worker';
import { begin } from './doubling.js';

serveSlots(begin);
