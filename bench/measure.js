import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';

/**
 * Runs a command to its end under GNU time.
 *
 * @param command - program and arguments
 * @param record - path of a scratch file
 * @returns wall and CPU seconds (user and system, children included) and peak RSS in bytes (of the largest process)
 */
export async function measure(command, record) {
  const began = performance.now();
  const child = spawn('/usr/bin/time', ['-f', '%U %S %M', '-o', record, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const wall = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stderr}`);
  const [user, system, kibibytes] = (await readFile(record, 'utf8')).trim().split(' ').map(Number);
  await rm(record);
  return { wall, cpu: user + system, rss: kibibytes * 1024 };
}

/** Gives the middle value, or the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
