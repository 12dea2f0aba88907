const HEADINGS = ['image', 'what', 'wall s', 'CPU s', 'peak RSS MB', 'size MB', 'wall, relative'];

/** Turns results into rows of text. */
function toRows(results) {
  return results.map(({ image, name, wall, cpu, rss, size, comparisons }) => [
    image,
    name,
    wall.toFixed(2),
    cpu.toFixed(2),
    (rss / 1e6).toFixed(0),
    size === undefined ? '' : (size / 1e6).toFixed(1),
    comparisons
      .map(({ to, ratio, aim }) => `${ratio.toFixed(2)} of ${to}${aim === undefined ? '' : ` (aim ${aim})`}`)
      .join(', '),
  ]);
}

/** Gives a table for a terminal. */
export function toTable(results) {
  const rows = [HEADINGS, ...toRows(results)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isText = (column) => column < 2 || column === HEADINGS.length - 1;
  return rows
    .map((row) =>
      row
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Gives a table for a README. */
export function toMarkdown(results) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = line(['---', '---', '---:', '---:', '---:', '---:', '---']);
  return [line(HEADINGS), rule, ...toRows(results).map(line)].join('\n');
}
