// Keeps and removes entries until it is killed: `node keep-forever.js DIRECTORY write|prune`.
import { LayerCache } from '@ocirender/layer-cache';
import { eventsOf, keyOf, LIMITS } from './entries.js';

const [directory, what] = process.argv.slice(2);
console.log('begun');
for (let turn = 0; ; turn++) {
  const cache = await LayerCache.open(directory, { maxBytes: 200_000 });
  if (what === 'prune') {
    await cache.prune(turn % 10 === 0 ? { all: true } : { maxBytes: 60_000 });
    continue;
  }
  const number = Math.floor(Math.random() * 40);
  const recorder = cache.recordHeaders(keyOf(number), LIMITS);
  for (const event of eventsOf(number)) recorder.add(event);
  await recorder.commit(number);
}
