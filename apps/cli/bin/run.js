#!/usr/bin/env node
import module from 'node:module';
import v8 from 'node:v8';

// A tree of a million files in memory leaves the young generation at once: letting that grow costs 80 MiB and saves
// no time (scripts/memory/run.js).
v8.setFlagsFromString('--semi-space-growth-factor=1');

module.enableCompileCache?.();

// Compiled code is what runs, also with NODE_ENV=test and for linked plugins: oclif must not look for sources.
globalThis.oclif = { ...globalThis.oclif, enableAutoTranspile: false };

const { adoptUnknownUser } = await import('../dist/adopt-unknown-user.js');
adoptUnknownUser();

const { printWarningsBriefly } = await import('../dist/warnings.js');
printWarningsBriefly();

const { run } = await import('@oclif/core/run');
// Brings a listener that throws whatever befalls standard output.
await import('@oclif/core/command');
const { guardStreams } = await import('../dist/failure/guard-streams.js');
guardStreams();
// oclif answers these itself, and knows no JSON there.
const VERSION = ['--version', '-V'];
const argv = process.argv.slice(2);
const asksVersion = VERSION.includes(argv[0]) && argv.includes('--json');
try {
  await run(asksVersion ? ['version', ...argv.slice(1)] : argv, import.meta.url);
} catch (error) {
  const { endWithFailure } = await import('../dist/failure/end-with-failure.js');
  endWithFailure(error);
}

// A plugin that leaves a handle open must not keep a finished command from ending.
setTimeout(() => process.exit(), 3000).unref();
