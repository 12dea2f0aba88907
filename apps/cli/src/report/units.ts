const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

/**
 * Writes a number of bytes in decimal units.
 *
 * @param bytes - 0 or more
 * @returns for example `812 B`, `1.2 MB`
 */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  // 999.95 would be rounded up to 1000.0: it belongs to the next unit.
  while (value >= 999.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/**
 * Writes a duration.
 *
 * @param milliseconds - 0 or more
 * @returns for example `40 ms`, `1.4 s`, `2 min 05 s`, `1 h 02 min`
 */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/**
 * Writes an estimate of the time left: whole seconds, never less than one.
 *
 * @param milliseconds - 0 or more
 * @returns for example `3 s left`
 */
export function formatTimeLeft(milliseconds: number): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  return `${seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000)} left`;
}

/**
 * Shortens a digest for display.
 *
 * @param digest - `sha256:…`
 * @returns its first twelve hexadecimal digits
 */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}

/**
 * Writes a share in percent.
 *
 * @param part - 0 or more
 * @param whole - 0 or more
 * @returns whole percents, at most 100; 100 of nothing
 */
export function percent(part: number, whole: number): number {
  return whole <= 0 ? 100 : Math.min(100, Math.floor((part / whole) * 100));
}
