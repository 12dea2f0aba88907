/**
 * The tar sink: writes a merged image as one tar.
 *
 * @example
 * ```js
 * import { tarSink } from '@ocirender/sink-tar';
 *
 * console.log(tarSink.name, tarSink.outputs);
 * ```
 *
 * @packageDocumentation
 */
export { tarSink } from './sink.ts';
