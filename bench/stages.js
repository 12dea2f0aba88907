import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

/** Time between two looks at the threads, milliseconds: as much of a thread's last work may be missed. */
const INTERVAL = 20;
/** Clock ticks of the kernel a second (USER_HZ). */
const TICKS = 100;

/** What threads are called here, by the beginning of the name that the kernel has for them. */
const STAGES = [
  ['ocirender-input', 'input'],
  ['ocirender-hash', 'hash'],
  ['ocirender-block', 'blocks'],
  ['libuv', 'libuv'],
  ['V8', 'V8'],
  ['MainThread', 'main'],
  ['node', 'main'],
];

/**
 * Runs a command of Node's once more, and adds up what each kind of its threads does. Node 24 names its threads.
 *
 * @param command - program and arguments; the program is Node
 * @returns CPU seconds by stage, seconds that the main thread spent collecting garbage, and how often it did
 */
export async function measureStages([program, ...args]) {
  const began = performance.now();
  const child = spawn(program, ['--trace-gc', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const threads = new Map();
  while (!isOver) {
    await look(child.pid, threads);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
  const wall = (performance.now() - began) / 1000;
  const cpu = {};
  for (const { name, ticks } of threads.values()) {
    const [, stage = 'other'] = STAGES.find(([start]) => name.startsWith(start)) ?? [];
    cpu[stage] = (cpu[stage] ?? 0) + ticks / TICKS;
  }
  return { wall, cpu, ...collections(output) };
}

async function look(pid, threads) {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  for (const task of tasks) {
    const text = await readFile(`/proc/${pid}/task/${task}/stat`, 'latin1').catch(() => undefined);
    if (text === undefined) continue;
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    threads.set(task, {
      name: text.slice(text.indexOf('(') + 1, end),
      ticks: Number(fields[11]) + Number(fields[12]),
    });
  }
}

/** Adds up the collections of the first isolate in the output of --trace-gc: the main thread's. */
function collections(output) {
  const lines = output.matchAll(
    /^\[\d+:(0x[0-9a-f]+)\].*? (?:Scavenge|Mark-Compact).*?, ([\d.]+) \/ [\d.]+ ms/gm,
  );
  let main;
  let gc = 0;
  let count = 0;
  for (const [, isolate, milliseconds] of lines) {
    main ??= isolate;
    if (isolate !== main) continue;
    gc += Number(milliseconds) / 1000;
    count++;
  }
  return { gc, count };
}
