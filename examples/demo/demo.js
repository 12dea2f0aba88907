/** Converts the example image to demo.squashfs in the current directory, in this process, says what is in it, and lists it with the command. */
import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { convert } from '@ocirender/core';
import { squashfsSink } from '@ocirender/sink-squashfs';

const image = fileURLToPath(new URL('./image', import.meta.url));
const report = await convert({ image, sink: squashfsSink, output: 'demo.squashfs', force: true });

const { tree } = report;
const rows = [
  ['image', `${report.reference}, ${report.layers.length} layers`],
  ['manifest', report.manifestDigest],
  ['output', `${report.output}, ${report.bytesOut} bytes`],
  ['directories', tree.directories],
  ['files', `${tree.files} (${tree.bytes} bytes)`],
  ['symlinks', tree.symlinks],
  ['hard links', `${tree.hardLinks} further names`],
  ['devices', tree.devices],
  ['FIFOs', tree.fifos],
  ...report.layers.map((layer, index) => [
    `layer ${index + 1}`,
    `${layer.entries} entries, ${layer.whiteouts} whiteouts, ${layer.size} bytes`,
  ]),
  ...report.diagnostics.map(({ code, message }) => ['note', `${code}: ${message}`]),
];
console.log('Converted the example image:');
for (const [name, value] of rows) console.log(`  ${name.padEnd(12)} ${value}`);

const command = fileURLToPath(new URL('../../apps/cli/bin/run.js', import.meta.url));
const shown = `node ${relative('.', command)}`;
console.log(`\n$ ${shown} ls -l demo.squashfs`);
const { status } = spawnSync(process.execPath, [command, 'ls', '-l', 'demo.squashfs'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
console.log(`\nLook around with:
  ${shown} ls -lR demo.squashfs
  ${shown} cat demo.squashfs /etc/motd
  ${shown} --help`);
