/**
 * The hosts of some addresses, each once, for messages; what is no address is shown as it is.
 *
 * @param urls - a descriptor's `urls`
 */
export function hostsOf(urls: readonly string[]): string {
  return [...new Set(urls.map((url) => (URL.canParse(url) ? new URL(url).host : url)))].join(', ');
}
