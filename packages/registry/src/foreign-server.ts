import { OcirenderError } from '@ocirender/interface';
import { hostsOf } from '@ocirender/oci-layout/documents';
import { failedAnswer } from './answer.ts';
import type { BlobServer } from './blob-stream.ts';
import { quotedFromServer, shownUrl } from './errors.ts';
import type { HttpClient } from './http.ts';

/**
 * The error of a blob that the registry does not hold, and that a manifest places elsewhere.
 *
 * @param failure - the registry's answer
 * @param urls - the descriptor's `urls`
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#properties
 */
export function elsewhereError(failure: OcirenderError, urls: readonly string[]): OcirenderError {
  return new OcirenderError(
    failure.code,
    `${failure.message}: the image says that it lies outside of the registry, at ${quotedFromServer(hostsOf(urls))}`,
    {
      cause: failure,
      hint: 'If you trust that host, fetch it from there with --allow-foreign-layers (option foreignLayers).',
    },
  );
}

/**
 * Makes servers of the places that a descriptor names; none gets credentials or a client certificate.
 *
 * @param urls - the descriptor's `urls`
 * @returns those that are addresses by https
 */
export function foreignServers(urls: readonly string[], http: HttpClient): BlobServer[] {
  return urls
    .filter((text) => URL.canParse(text))
    .map((text) => new URL(text))
    .filter(({ protocol, username, password }) => protocol === 'https:' && username === '' && password === '')
    .map((url) => ({
      host: url.host,
      isMirror: true,
      async get({ what, headers, accepted, timeouts, signal }) {
        const response = await http.send({ url, headers, timeouts, signal });
        if (accepted.includes(response.status)) return response;
        throw await failedAnswer(response, `${what}, at ${shownUrl(url)}`);
      },
    }));
}
