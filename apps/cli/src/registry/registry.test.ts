import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { PullEvent, RegistryEvent } from '@ocirender/registry';
import { afterAll, describe, expect, test } from 'vitest';
import { PullState, startPullProgress } from './pull-progress.ts';
import { registryEventLine } from './registry-event-line.ts';
import type { RegistryFlags } from './registry-flags.ts';
import { registrySettings } from './registry-settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'ocirender-flags-'));
afterAll(() => rmSync(directory, { recursive: true }));

const NONE = { 'password-stdin': false, insecure: false } as RegistryFlags;
const stdin = (text = ''): Readable => Readable.from([Buffer.from(text)]);

describe('registry flags', () => {
  test('none mean nothing', async () => {
    expect(await registrySettings(NONE, stdin('unread'))).toEqual({});
  });

  test('all of them', async () => {
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, name), `PEM of ${name}`);
    const flags: RegistryFlags = {
      ...NONE,
      username: 'someone',
      'password-stdin': true,
      'ca-cert': join(directory, 'ca'),
      'client-cert': join(directory, 'cert'),
      'client-key': join(directory, 'key'),
      insecure: true,
      timeout: '20s',
      'registry-mirror': [
        'docker.io=https://a.example',
        'x:5000=https://b.example/p=q',
        'docker.io=https://c.example',
      ],
    };
    expect(await registrySettings(flags, stdin('pass word \r\n'))).toEqual({
      credentials: { username: 'someone', password: 'pass word ' },
      tls: { ca: 'PEM of ca', cert: 'PEM of cert', key: 'PEM of key' },
      insecure: true,
      retry: { headersTimeoutMs: 20_000, blobTimeoutMs: 20_000, stallTimeoutMs: 20_000 },
      mirrors: {
        'docker.io': ['https://a.example', 'https://c.example'],
        'x:5000': ['https://b.example/p=q'],
      },
    });
  });

  test.each<[string, Partial<RegistryFlags>, string]>([
    ['a name without a password', { username: 'x' }, '--username needs a password'],
    ['a password without a name', { 'password-stdin': true }, '--password-stdin needs --username'],
    [
      'an empty password',
      { username: 'x', 'password-stdin': true },
      '--password-stdin: the password is empty',
    ],
    ['a time that is none', { timeout: '5 days' }, '--timeout: "5 days" is no time that can be waited for'],
    [
      'half a client certificate',
      { 'client-cert': join(directory, 'ca') },
      '--client-cert and --client-key must be given together',
    ],
    [
      'a mirror without a host',
      { 'registry-mirror': ['https://a.example'] },
      '--registry-mirror: HOST=URL is wanted',
    ],
    [
      'a mirror without an address',
      { 'registry-mirror': ['docker.io='] },
      '--registry-mirror: HOST=URL is wanted',
    ],
  ])('%s is wrong usage', async (_, flags, message) => {
    writeFileSync(join(directory, 'ca'), 'PEM');
    await expect(registrySettings({ ...NONE, ...flags }, stdin('\n'))).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message,
    });
  });

  test('a terminal would show the password; a file that is missing is named', async () => {
    const terminal = Object.assign(stdin(), { isTTY: true });
    await expect(
      registrySettings({ ...NONE, username: 'x', 'password-stdin': true }, terminal),
    ).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
    });
    await expect(registrySettings({ ...NONE, 'ca-cert': '/no/such.pem' }, stdin())).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_IO',
      message: expect.stringContaining('--ca-cert: /no/such.pem cannot be read'),
    });
  });
});

test.each<[RegistryEvent, string | undefined]>([
  [{ type: 'retry', what: 'x', host: 'h', attempt: 1, delayMs: 400, reason: 'broken' }, undefined],
  [
    { type: 'retry', what: 'x', host: 'h', attempt: 2, delayMs: 400, reason: 'broken' },
    'note: broken; again in 400 ms',
  ],
  [
    { type: 'retry', what: 'x', host: 'h', attempt: 1, delayMs: 2000, reason: 'reset' },
    'note: reset; again in 2.0 s',
  ],
  [{ type: 'alias', name: 'x', meaning: 'h/y', file: '/f' }, 'note: x is h/y, by /f'],
  [{ type: 'warning', host: 'h', text: 'moves' }, 'Warning: h says: moves'],
  [
    { type: 'unverified', host: 'h', because: '--tls-verify=false' },
    'Warning: the certificate of h is not checked (--tls-verify=false): whoever is on the way can read and change what is sent.',
  ],
  [
    { type: 'waiting', where: 'https://h/x', waitedMs: 60_010, limitMs: 900_000 },
    'note: https://h/x: nothing came for 1 min 00 s; waiting for up to 15 min 00 s (--timeout)',
  ],
  [{ type: 'mirror-failed', what: 'x', host: 'h', reason: 'broken' }, 'note: the mirror h fails: broken'],
  [{ type: 'blob-end', digest: 'sha256:x' }, undefined],
])('event %# as a line', (event, line) => {
  expect(registryEventLine(event)).toBe(line);
});

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const START: PullEvent = {
  type: 'pull-start',
  blobs: [
    { digest: digest('0'), size: 100, kind: 'config' },
    { digest: digest('a'), size: 1_000_000, kind: 'layer' },
    { digest: digest('b'), size: 2_000_000, kind: 'layer' },
    { digest: digest('c'), size: 3_000_000, kind: 'layer' },
  ],
};

describe('progress of a pull', () => {
  test('bars: one for each layer, one for all, with rate and time left of what comes over the network', () => {
    let now = 0;
    const state = new PullState(() => now);
    expect(state.lines(80, 24)).toEqual(['asking the registry…']);
    state.update(START);
    state.update({ type: 'blob-present', digest: digest('a') });
    state.update({ type: 'blob-start', digest: digest('b'), size: 2_000_000, offset: 500_000 });
    now = 2000;
    state.update({ type: 'blob-bytes', digest: digest('b'), bytes: 1_500_000 });
    expect(state.lines(120, 24)).toEqual([
      'layer aaaaaaaaaaaa             [========================================] 100 %  1.0 MB of 1.0 MB',
      'layer bbbbbbbbbbbb             [==============================          ]  75 %  1.5 MB of 2.0 MB',
      'layer cccccccccccc             [                                        ]   0 %  0 B of 3.0 MB',
      'all                            [================                        ]  41 %  2.5 MB of 6.0 MB  500.0 kB/s  8 s left',
    ]);
    // Too few rows: only what is being fetched. Too few columns: no bar.
    expect(state.lines(120, 5)).toHaveLength(2);
    for (const line of state.lines(20, 24)) expect(line.length).toBeLessThan(20);
    expect(state.summary()).toBe('fetching: 41 % (2.5 MB of 6.0 MB, 500.0 kB/s, 8 s left)');
  });

  test('lines where nothing can be redrawn, nothing where nothing is wanted', () => {
    let written = '';
    const stream = { write: (text: string) => (written += text) };
    for (const mode of ['plain', 'none'] as const) {
      const progress = startPullProgress(mode, stream, {});
      progress.update(START);
      progress.update({ type: 'blob-present', digest: digest('a') });
      progress.update({ type: 'blob-bytes', digest: digest('b'), bytes: 2_000_000 });
      progress.update({ type: 'blob-end', digest: digest('b') });
      progress.update({ type: 'blob-end', digest: digest('0') });
      progress.print(`end of ${mode}`);
      progress.stop();
    }
    expect(written.split('\n')).toEqual([
      'layer aaaaaaaaaaaa: 1.0 MB, there already (16 % of all)',
      'layer bbbbbbbbbbbb: 2.0 MB, fetched (49 % of all)',
      'end of plain',
      'end of none',
      '',
    ]);
  });

  test('a terminal that can redraw is left clean', () => {
    let written = '';
    const stream = { isTTY: true, columns: 80, rows: 24, write: (text: string) => (written += text) };
    const progress = startPullProgress('auto', stream, { TERM: 'xterm' });
    progress.update(START);
    progress.print('a note');
    expect(written).toContain('a note\n');
    expect(written).toContain('layer bbbbbbbbbbbb');
    progress.stop();
    expect(written.endsWith('\u001b[J')).toBe(true);
  });
});
