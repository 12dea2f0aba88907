/** The kinds of threads, as stages.js names them. */
const STAGES = ['input', 'hash', 'main', 'blocks', 'libuv', 'V8'];

const HEADINGS = ['image', 'what', 'wall s', 'CPU s', 'peak RSS MB', 'size MB', 'wall, relative'];

/** Results as rows of text, headings first. */
export function resultRows(results) {
  const rows = results.map(({ image, name, wall, cpu, rss, size, comparisons }) => [
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
  return [HEADINGS, ...rows];
}

/** CPU seconds by kind of thread, and what the main thread spends on collecting garbage: rows of text, headings first. */
export function stageRows(results) {
  const measured = results.filter(({ stages }) => stages !== undefined);
  const cell = (seconds) => (seconds === undefined ? '' : seconds.toFixed(2));
  const rows = measured.map(({ image, name, stages: { cpu, gc, count, wall } }) => [
    image,
    name,
    ...STAGES.map((stage) => cell(cpu[stage])),
    `${((100 * gc) / wall).toFixed(1)} % (${count})`,
  ]);
  return [['image', 'CPU s by thread', ...STAGES, 'main, GC of wall'], ...rows];
}

/** Gives a table for a terminal. */
export function toTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isText = (column) => column < 2 || column === rows[0].length - 1;
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
export function toMarkdown([headings, ...body]) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = line(
    headings.map((_, column) => (column < 2 || column === headings.length - 1 ? '---' : '---:')),
  );
  return [line(headings), rule, ...body.map(line)].join('\n');
}
