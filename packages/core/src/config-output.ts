import { writeFile } from 'node:fs/promises';
import { type Image, OcirenderError } from '@ocirender/interface';
import { ioError } from './io-error.ts';
import { PathOutput } from './output.ts';

/** The file that gets an image's config, byte for byte; like the output itself, it appears only when all is done. */
export class ConfigOutput {
  readonly #output: PathOutput;

  private constructor(output: PathOutput) {
    this.#output = output;
  }

  /**
   * Writes the config under a temporary name.
   *
   * @param path - where it will appear
   * @param image - whose config it is
   * @param force - whether an existing file may be replaced
   * @throws {OcirenderError} `ERR_OCIRENDER_NOT_FOUND` when the image has none, `ERR_OCIRENDER_OUTPUT_EXISTS`,
   * `ERR_OCIRENDER_IO`
   */
  static async prepare(path: string, image: Image, force: boolean): Promise<ConfigOutput> {
    if (image.config === undefined) {
      throw new OcirenderError('ERR_OCIRENDER_NOT_FOUND', `${image.reference} has no image config`, {
        hint: 'Leave --config-out out.',
      });
    }
    const output = await PathOutput.prepare(path, 'file', force);
    const begun = await output.begin();
    try {
      if (begun.kind === 'file') await writeFile(begun.path, image.config.bytes, { flag: 'wx' });
    } catch (error) {
      await output.discard();
      throw ioError(error, 'cannot write the image config');
    }
    return new ConfigOutput(output);
  }

  /** Makes it visible. */
  commit(): Promise<void> {
    return this.#output.commit();
  }

  /** Removes it, unless it is visible. Never throws. */
  discard(): Promise<void> {
    return this.#output.discard();
  }
}
