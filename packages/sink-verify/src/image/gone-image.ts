import { LocalImage } from './local-image.ts';

/** An image whose digests are known and whose contents are gone. */
export class GoneImage extends LocalImage {
  override source(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}
