import { type BlockCodec, type CodecSpec, outputSizeOf } from './codecs/block-codec.ts';
import { gzip } from './codecs/gzip.ts';
import { lz4, lz4hc } from './codecs/lz4.ts';
import { xz } from './codecs/xz.ts';
import { zstdModule } from './codecs/zstd-module.ts';
import { zstdNative } from './codecs/zstd-native.ts';

export type { BlockCodec, CodecSpec };

const KINDS: Readonly<
  Record<CodecSpec['kind'], (spec: CodecSpec, load: (name: string) => unknown) => BlockCodec['compress']>
> = {
  'zstd-native': zstdNative,
  'zstd-module': zstdModule,
  gzip,
  xz,
  lz4,
  lz4hc,
  none: () => () => 0,
};

/**
 * Makes a block codec. A library that it needs is loaded now.
 *
 * @param spec - which codec
 * @param load - `require` of a CommonJS module or of a `createRequire`
 * @returns the codec
 */
export function createCodec(spec: CodecSpec, load: (name: string) => unknown): BlockCodec {
  return { outputSize: outputSizeOf(spec), compress: KINDS[spec.kind](spec, load) };
}
