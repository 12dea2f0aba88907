import { type ImageNode, NO_XATTRS, printable } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import { jsonEntry, listingLines } from './listing.ts';
import { modeString } from './mode-string.ts';
import { renderInspection } from './render-inspection.ts';
import { configText, readRunConfig } from './run-config.ts';

test.each([
  ['directory', 0o755, 'drwxr-xr-x'],
  ['file', 0o4711, '-rws--x--x'],
  ['file', 0o6644, '-rwSr-Sr--'],
  ['directory', 0o1777, 'drwxrwxrwt'],
  ['directory', 0o1776, 'drwxrwxrwT'],
  ['symlink', 0o777, 'lrwxrwxrwx'],
  ['character-device', 0o600, 'crw-------'],
  ['block-device', 0o60, 'b---rw----'],
  ['fifo', 0, 'p---------'],
  ['socket', 0o2070, 's---rws---'],
] as const)('%s %o is %s', (type, mode, text) => expect(modeString({ type, mode })).toBe(text));

const NODE: ImageNode = {
  type: 'file',
  id: 1,
  size: 5,
  target: '',
  devMajor: 0,
  devMinor: 0,
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1_700_000_000,
  mtimeNs: 5,
  xattrs: NO_XATTRS,
};

describe('listings', () => {
  const entries = [
    { path: 'a', node: { ...NODE, uid: 4_294_967_295, xattrs: new Map([['user.x', Uint8Array.of(255)]]) } },
    { path: 'l', node: { ...NODE, type: 'symlink' as const, target: 'x\u001b', mtime: -(2 ** 50) } },
    {
      path: 'd',
      node: { ...NODE, type: 'block-device' as const, size: 0, devMajor: 8, devMinor: 16, links: 12 },
    },
  ];

  test('columns are aligned', () => {
    expect(listingLines(entries, ({ path }) => path)).toEqual([
      '-rw-r--r--+    4294967295/0     5 2023-11-14 22:13:20 a',
      'lrw-r--r--     0/0              5  @-1125899906842624 l -> x\\x1b',
      'brw-r--r--  12 0/0          8, 16 2023-11-14 22:13:20 d',
    ]);
    expect(listingLines([], () => '')).toEqual([]);
  });

  test('as JSON', () => {
    expect(
      entries.map(jsonEntry).map(({ mtimeNs: _mtimeNs, uid: _uid, gid: _gid, mode: _mode, ...rest }) => rest),
    ).toEqual([
      { path: '/a', type: 'file', size: 5, mtime: 1_700_000_000, xattrs: { 'user.x': '/w==' } },
      { path: '/l', type: 'symlink', mtime: -(2 ** 50), target: 'x\\x1b' },
      { path: '/d', type: 'block-device', mtime: 1_700_000_000, links: 12, device: '8:16' },
    ]);
  });
});

describe('configs', () => {
  test('what a container runs', () => {
    const config = {
      Entrypoint: ['/bin/sh', 5],
      Cmd: [],
      Env: ['A=b'],
      User: '1000',
      WorkingDir: '',
      ExposedPorts: { '80/tcp': {} },
      Volumes: null,
      Labels: { a: 'b', c: 5 },
    };
    expect(readRunConfig({ config })).toEqual({
      entrypoint: ['/bin/sh'],
      env: ['A=b'],
      user: '1000',
      exposedPorts: ['80/tcp'],
      labels: { a: 'b' },
    });
    for (const bad of [undefined, null, [], 'x', { config: [] }]) expect(readRunConfig(bad)).toBeUndefined();
    expect([configText({ created: 'x' }, 'created'), configText([], 'created')]).toEqual(['x', undefined]);
  });

  test('nothing of a config can forge a row', () => {
    const inspection = {
      image: 'i',
      format: 'oci',
      oci: { layers: [], config: { cmd: ['a\n'], user: 'root\nformat  x\u001b[2J', labels: { k: 'v' } } },
      tree: {
        entries: 1,
        directories: 1,
        files: 0,
        symlinks: 0,
        devices: 0,
        fifos: 0,
        sockets: 0,
        hardLinks: 0,
        bytes: 0,
      },
    };
    expect([...renderInspection(inspection)].map(printable)).toEqual([
      'image            i',
      'format           oci',
      'cmd              ["a\\n"]',
      'user             root\\x0aformat  x\\x1b[2J',
      'labels           k=v',
      'layers           0, 0 B stored',
      'contents         1 names, 1 directory, 0 B of contents',
    ]);
  });
});
