import { quotedFromServer } from './errors.ts';

/** `299 - "text"`: code, agent, quoted text. */
const WARNING = /(\d{3}) ([^\s",]+) "((?:[^"\\]|\\.)*)"/g;

/**
 * Reads what a registry has to say to people: `Warning: 299 - "…"`. Other codes are of caches and concern nobody.
 *
 * @param headers - the header's values
 * @returns texts, each on one line
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#warnings
 */
export function parseWarnings(headers: readonly string[]): string[] {
  const texts: string[] = [];
  for (const header of headers) {
    for (const [, code, , text] of header.slice(0, 16 * 1024).matchAll(WARNING)) {
      const shown = quotedFromServer(text!.replace(/\\(.)/g, '$1'));
      if (code === '299' && shown !== '') texts.push(shown);
    }
  }
  return texts;
}
