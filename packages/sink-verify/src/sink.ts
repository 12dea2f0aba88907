import { defineSink, OcirenderError, type Sink } from '@ocirender/interface';
import { VerifySession } from './session.ts';
import { readVerifyOptions, VERIFY_OPTIONS } from './sink-options.ts';

/**
 * Compares the merged image with another form of it and writes nothing. `finish` throws an `ImagesDifferError`
 * (`ERR_OCIRENDER_SINK_VERIFY_DIFFERENT`) when they differ.
 */
export const verifySink: Sink = defineSink({
  name: 'verify',
  summary: 'Compares the merged image with another form of it and writes nothing.',
  extensions: [],
  outputs: ['none'],
  options: VERIFY_OPTIONS,
  async open(context) {
    const { reference, compare } = readVerifyOptions(context.options);
    if (context.openImage === undefined) {
      throw new OcirenderError(
        'ERR_OCIRENDER_INVALID_OPTION',
        `the sink verify cannot open the reference ${reference}: it was given no way to open images`,
        { hint: 'Pass openImage to convert(), or use the program ocirender.' },
      );
    }
    return new VerifySession(
      context,
      { name: reference, source: await context.openImage(reference) },
      compare,
    );
  },
});
