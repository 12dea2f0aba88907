/** One way to authenticate that a server offers. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Parameters by lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longest header that is looked at. */
const MAX_HEADER = 16 * 1024;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;
const TOKEN68 = /[ \t]+[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)/y;
const SEPARATOR = /[ \t]*,[ \t,]*/y;
const SPACE = /[ \t]*/y;

/**
 * Reads `WWW-Authenticate` headers; each may hold several challenges. What is malformed ends the reading of its
 * header, and what came before counts.
 *
 * @param headers - the header's values
 * @returns challenges in order
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  const challenges: Challenge[] = [];
  for (const header of headers) readHeader(header.slice(0, MAX_HEADER), challenges);
  return challenges;
}

function readHeader(text: string, challenges: Challenge[]): void {
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  take(SPACE);
  take(SEPARATOR);
  while (position < text.length) {
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) return;
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (take(TOKEN68) === null) {
      for (let match = take(PARAMETER); match !== null; match = take(PARAMETER)) {
        const value = match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
        const name = match[1]!.toLowerCase();
        // The first of a repeated parameter counts: nothing later in the header may replace it.
        if (!parameters.has(name)) parameters.set(name, value);
        const before = position;
        if (take(SEPARATOR) === null) break;
        PARAMETER.lastIndex = position;
        if (!PARAMETER.test(text)) {
          position = before;
          break;
        }
      }
    }
    take(SPACE);
    if (position < text.length && take(SEPARATOR) === null) return;
  }
}
