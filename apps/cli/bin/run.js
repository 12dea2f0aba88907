#!/usr/bin/env node
import module from 'node:module';

module.enableCompileCache?.();

// Compiled code is what runs, also with NODE_ENV=test and for linked plugins: oclif must not look for sources.
globalThis.oclif = { ...globalThis.oclif, enableAutoTranspile: false };

const { printWarningsBriefly } = await import('../dist/warnings.js');
printWarningsBriefly();

const { run } = await import('@oclif/core/run');
try {
  await run(process.argv.slice(2), import.meta.url);
} catch (error) {
  const { handle } = await import('@oclif/core/handle');
  await handle(error);
}

// A plugin that leaves a handle open must not keep a finished command from ending.
setTimeout(() => process.exit(), 3000).unref();
