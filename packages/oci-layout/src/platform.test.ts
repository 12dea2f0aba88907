import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPlatform, hostPlatform, parsePlatform, platformDistance } from './platform.ts';

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['linux/amd64/v1', { os: 'linux', architecture: 'amd64' }],
    ['linux/amd64/v3', { os: 'linux', architecture: 'amd64', variant: 'v3' }],
    ['linux/aarch64', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm64/8', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/armhf', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/armel', { os: 'linux', architecture: 'arm', variant: 'v6' }],
    ['linux/arm/6', { os: 'linux', architecture: 'arm', variant: 'v6' }],
    ['macos/arm64', { os: 'darwin', architecture: 'arm64' }],
    ['windows(10.0.17763.1)/amd64', { os: 'windows', architecture: 'amd64', osVersion: '10.0.17763.1' }],
    ['linux/constructor', { os: 'linux', architecture: 'constructor' }],
  ])('reads %s', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  it.each([
    '',
    '/',
    'linux/',
    '/amd64',
    'linux//v7',
    'linux/arm/v7/x',
    'linux/a b',
    'win(/amd64',
    'linux/amd64\n',
  ])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'ERR_OCIRENDER_USAGE' }));
  });

  it('reads what formatPlatform writes', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    fc.assert(
      fc.property(
        word,
        word,
        fc.option(fc.constantFrom('v5', 'v6', 'v9', 'sse2')),
        (os, architecture, variant) => {
          const platform = parsePlatform(`${os}/${architecture}${variant === null ? '' : `/${variant}`}`);
          expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
        },
      ),
    );
    const windows = parsePlatform('windows(10.0.1)/amd64');
    expect(formatPlatform(windows)).toBe('windows(10.0.1)/amd64');
  });
});

describe('hostPlatform', () => {
  it('names linux and a GOARCH', () => {
    const names: Record<string, string> = { x64: 'amd64', arm64: 'arm64', ia32: '386', arm: 'arm' };
    expect(hostPlatform().os).toBe('linux');
    expect(hostPlatform().architecture).toBe(names[process.arch] ?? hostPlatform().architecture);
  });
});

describe('platformDistance', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', 0],
    ['linux/amd64', 'linux/arm64', undefined],
    ['linux/amd64', 'windows/amd64', undefined],
    ['linux/amd64', 'linux/386', undefined],
    ['linux/arm64', 'linux/arm64/v8', 0],
    ['linux/arm64', 'linux/arm64/v9', undefined],
    ['linux/arm64/v9', 'linux/arm64', 1],
    ['linux/arm/v7', 'linux/arm', 0],
    ['linux/arm/v7', 'linux/arm/v6', 1],
    ['linux/arm/v7', 'linux/arm/v5', 2],
    ['linux/arm/v6', 'linux/arm/v7', undefined],
    ['linux/amd64/v3', 'linux/amd64', 2],
    ['linux/amd64', 'linux/amd64/v2', undefined],
    ['linux/mips/hard', 'linux/mips', undefined],
    ['windows(1)/amd64', 'windows(2)/amd64', undefined],
    ['windows/amd64', 'windows(2)/amd64', 0],
  ])('for %s, an image for %s has distance %s', (wanted, offered, distance) => {
    expect(platformDistance(parsePlatform(wanted), parsePlatform(offered))).toBe(distance);
  });
});
