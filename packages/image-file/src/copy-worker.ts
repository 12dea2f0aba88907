// The program of the thread that copies kept work into an output.
import { parentPort, workerData } from 'node:worker_threads';
import { COPY_BUFFER, copyRanges } from './copy-ranges.ts';
import type { CopyAnswer, CopyOrder } from './kept-copier.ts';

const { output } = workerData as { output: number };
const buffer = Buffer.allocUnsafeSlow(COPY_BUFFER);
let isOver = false;

parentPort?.on('message', ({ first, ranges }: CopyOrder) => {
  if (isOver) return;
  const answer = (message: CopyAnswer): void => parentPort?.postMessage(message);
  try {
    const damaged = copyRanges(ranges, output, buffer);
    isOver = damaged !== undefined;
    answer(damaged === undefined ? {} : { damaged: first + damaged });
  } catch (error) {
    isOver = true;
    answer({ error });
  }
});
