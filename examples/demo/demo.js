/** Converts the example image to demo.squashfs in the current directory, in this process, and says what is in it. */
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
console.log('\nLook inside with: unsquashfs -ll demo.squashfs');
