// Converts an image with the EROFS sink, which the command does not bring along.
import { convert } from '../packages/core/dist/index.js';
import { LayerCache } from '../packages/layer-cache/dist/index.js';
import { erofsSink } from '../packages/sink-erofs/dist/index.js';

const [image, output, ...options] = process.argv.slice(2);
const { cache: directory, ...sinkOptions } = Object.fromEntries(options.map((option) => option.split('=')));
const cache = directory === undefined ? {} : { cache: await LayerCache.open(directory) };
await convert({ image, output, sink: erofsSink, sinkOptions, ...cache });
