import type { OcirenderError } from '@ocirender/interface';
import { serversWords } from './answer.ts';
import { registryError, shownUrl } from './errors.ts';

/** Whether text is a web page: no document of a registry begins so. */
export function isWebPage(start: Uint8Array): boolean {
  return /^\ufeff?\s*<(!doctype|html|head|body|\?xml|!--)/i.test(
    Buffer.from(start.subarray(0, 512)).toString('utf8'),
  );
}

/**
 * The error of a web page that came in place of something: a login page, a captive portal, a proxy's words.
 *
 * @param url - where it came from, after redirects
 * @param what - what was asked for
 * @param page - its first bytes
 */
export function webPageError(url: URL, what: string, page: Uint8Array): OcirenderError {
  const title = serversWords(Buffer.from(page).toString('utf8'));
  return registryError(
    `${shownUrl(url)}: ${what}: a web page came instead${title === '' ? '' : `, titled ${JSON.stringify(title)}`}`,
    {
      hint: 'Something answers in place of the registry: a login page, a proxy, or a web server under this name.',
    },
  );
}
