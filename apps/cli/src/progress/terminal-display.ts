import { printable } from '@ocirender/interface';

/** Where progress goes: a part of `tty.WriteStream`. */
export interface DisplayStream {
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Shows how far a conversion is. */
export interface ProgressDisplay {
  /** Writes a line that stays, above whatever moves. */
  print(line: string): void;
  /** Ends the display and leaves nothing of it behind. May be called again. */
  stop(): void;
}

const REDRAW_MS = 100;

/**
 * Shows bars that are redrawn in place. The cursor is never hidden and rests at the start of the line below
 * the bars, so that a killed process leaves the terminal usable.
 *
 * @param lines - gives the lines for a terminal of so many columns, each shorter than that
 * @param stream - a terminal
 * @returns the running display
 */
export function startTerminalDisplay(
  lines: (columns: number) => readonly string[],
  stream: DisplayStream,
): ProgressDisplay {
  let drawn = 0;
  let stopped = false;

  // Up over the bars, then clear to the end of the screen: right also after the terminal has been resized to
  // a greater width; after a narrower one a wrapped line may stay behind.
  const erase = (): string => (drawn === 0 ? '' : `\r\u001b[${drawn}A\u001b[J`);

  const draw = (): void => {
    const drawing = lines(stream.columns ?? 80);
    stream.write(`${erase()}${drawing.join('\n')}\n`);
    drawn = drawing.length;
  };

  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();

  return {
    print(line) {
      stream.write(`${erase()}${printable(line)}\n`);
      drawn = 0;
      if (!stopped) draw();
    },
    stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      if (drawn > 0) stream.write(erase());
      drawn = 0;
    },
  };
}
