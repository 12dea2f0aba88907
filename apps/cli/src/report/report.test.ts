import type { ConvertReport } from '@ocirender/core';
import { byteStringFromText } from '@ocirender/interface';
import { expect, test } from 'vitest';
import { diagnosticLine } from './diagnostic-line.ts';
import { jsonReport } from './json-report.ts';
import { summaryLines } from './summary.ts';

const LAYER = `sha256:${'ab'.repeat(32)}`;

const REPORT: ConvertReport = {
  reference: './image:1.0',
  manifestDigest: LAYER,
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
  sink: 'squashfs',
  output: '/tmp/out.squashfs',
  layers: [
    {
      digest: LAYER,
      size: 2_000_000,
      tarBytes: 5_000_000,
      entries: 20,
      whiteouts: 1,
      milliseconds: 80,
      fromCache: false,
    },
  ],
  tree: {
    entries: 9,
    directories: 1,
    files: 5,
    symlinks: 2,
    devices: 0,
    fifos: 1,
    sockets: 0,
    hardLinks: 2,
    bytes: 4_500_000,
  },
  bytesIn: 2_000_000,
  bytesOut: 1_500_000,
  wastedBytes: 0,
  rereadBytes: 0,
  diagnostics: [],
  diagnosticsDropped: 0,
  diagnosticCounts: {},
  details: { inodes: 8 },
  timings: { scan: 900, replay: 5, settle: 0, place: 0, finish: 95, total: 1000 },
};

test('the summary of a plain conversion', () => {
  expect(summaryLines(REPORT, false)).toEqual([
    './image:1.0 → /tmp/out.squashfs (squashfs)',
    `  image    ${LAYER}, linux/arm/v7`,
    '  layers   1, 2.0 MB read, 5.0 MB unpacked',
    '  tree     5 files, 1 directory, 2 symlinks, 2 further hard links, 1 FIFO, 4.5 MB of contents',
    '  output   1.5 MB, 75.0 % of the stored layers',
    '  time     1.0 s',
  ]);
});

test('the verbose summary, with notes and warnings', () => {
  const report = {
    ...REPORT,
    wastedBytes: 1000,
    rereadBytes: 2000,
    diagnosticCounts: { 'whiteout-device': 2, 'hardlink-to-self': 1 },
  };
  expect(summaryLines(report, true).slice(5)).toEqual([
    '  time     1.0 s, scan 900 ms, replay 5 ms, finish 95 ms',
    '           inodes: 8',
    '  notes    1 hardlink-to-self, 2 whiteout-device',
    '  reread   2.0 kB of contents',
    'Warning: the output holds 1.0 kB of contents that no file uses.',
  ]);
  expect(summaryLines(report, false)).toContain('           (--verbose lists them)');
});

test('a stream without manifest and platform', () => {
  const { manifestDigest: _digest, platform: _platform, output: _output, ...report } = REPORT;
  expect(summaryLines(report, false).slice(0, 2)).toEqual([
    './image:1.0 → standard output (squashfs)',
    '  layers   1, 2.0 MB read, 5.0 MB unpacked',
  ]);
});

test('diagnostics are one safe line each and name path and layer once', () => {
  const path = byteStringFromText('naïve\n');
  expect(diagnosticLine({ code: 'x', message: 'odd', path, layer: LAYER })).toBe(
    'note: x: naïve\\x0a: odd (layer abababababab)',
  );
  expect(diagnosticLine({ code: 'x', message: '"a/b" is odd', path: 'a/b' })).toBe('note: x: "a/b" is odd');
});

test('the JSON report has readable paths', () => {
  const diagnostics = [
    { code: 'a', message: 'm', path: byteStringFromText('é') },
    { code: 'b', message: 'n' },
  ];
  expect(jsonReport({ ...REPORT, diagnostics }).diagnostics).toEqual([
    { code: 'a', message: 'm', path: 'é' },
    { code: 'b', message: 'n' },
  ]);
});
