// Runs many command lines of the built program in one process: node run-many.js REQUESTS.json RESULTS.json
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Config } from '@oclif/core/config';

const [, , requests = '', results = ''] = process.argv;
const config = await Config.load({ root: fileURLToPath(new URL('..', import.meta.url)) });
let written = '';
const write = (bytes, ...rest) => {
  written += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
  for (const callback of rest) if (typeof callback === 'function') callback();
  return true;
};
process.stdout.write = write;
process.stderr.write = write;
console.log = (...parts) => write(`${parts.join(' ')}\n`);

const outputs = [];
for (const [command, ...args] of JSON.parse(await readFile(requests, 'utf8'))) {
  written = '';
  await config.runCommand(command, args);
  outputs.push(written);
}
process.exitCode = 0;
await writeFile(results, JSON.stringify(outputs));
