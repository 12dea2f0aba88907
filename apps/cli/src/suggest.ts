/**
 * Finds what somebody probably meant.
 *
 * @param typed - the misspelt word
 * @param known - the words there are
 * @returns the nearest one within a third of the word's length (at least 2 edits), or undefined
 */
export function suggest(typed: string, known: Iterable<string>): string | undefined {
  const allowed = Math.max(2, Math.floor(typed.length / 3));
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const word of known) {
    if (Math.abs(word.length - typed.length) >= bestDistance) continue;
    const distance = editDistance(typed, word);
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Asks whether somebody meant another word.
 *
 * @param typed - the misspelt word
 * @param known - the words there are
 * @returns a question with a space behind it; nothing when no word is near
 */
export function askWhetherMeant(typed: string, known: Iterable<string>): string {
  const near = suggest(typed, known);
  return near === undefined ? '' : `Did you mean "${near}"? `;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
