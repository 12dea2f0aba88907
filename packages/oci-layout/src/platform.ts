import { endianness } from 'node:os';
import { OcirenderError, type Platform } from '@ocirender/interface';

const OS_NAMES: Readonly<Record<string, string>> = { macos: 'darwin' };

/** Spellings of uname(1), Debian and older tools, and the GOARCH name (with variant) that each means. */
const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  i386: ['386'],
  i686: ['386'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};

/** `process.arch` to GOARCH where the two differ. */
const NODE_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' };

const COMPONENT = /^[A-Za-z0-9_.-]+$/;
const OS_WITH_VERSION = /^([A-Za-z0-9_.-]+)(?:\(([A-Za-z0-9_.+-]*)\))?$/;

/**
 * Gives the platform whose images are chosen by default: the host's architecture and, since layers hold
 * Linux filesystems nearly always, the os `linux` whatever the host runs.
 *
 * @returns the platform, GOARCH names
 */
export function hostPlatform(): Platform {
  let architecture = NODE_ARCHITECTURES[process.arch] ?? process.arch;
  if (process.arch === 'ppc64' && endianness() === 'LE') architecture = 'ppc64le';
  return normalizePlatform({ os: 'linux', architecture });
}

/**
 * Reads a platform: `OS/ARCH[/VARIANT]` or `ARCH` alone (os `linux`). Common spellings of architectures
 * (`x86_64`, `aarch64`, `armhf`) are accepted, and an os version in parentheses: `windows(10.0.17763)/amd64`.
 *
 * @param text - the spelling
 * @returns the platform, normalised
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when it is none
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [os, architecture, variant] = parts.length === 1 ? ['linux', ...parts] : parts;
  const named = OS_WITH_VERSION.exec(os ?? '');
  if (
    named === null ||
    parts.length > 3 ||
    ![architecture, variant ?? 'none'].every((part) => part !== undefined && COMPONENT.test(part))
  ) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', `${JSON.stringify(text)} is not a platform`, {
      hint: 'Write OS/ARCH or OS/ARCH/VARIANT, for example linux/amd64 or linux/arm/v7.',
    });
  }
  return normalizePlatform({
    os: named[1]!,
    architecture: architecture!,
    ...(variant === undefined ? {} : { variant }),
    ...(named[2] === undefined || named[2] === '' ? {} : { osVersion: named[2] }),
  });
}

/**
 * Spells a platform the way {@link parsePlatform} reads it.
 *
 * @param platform - any platform
 * @returns `os[(version)]/architecture[/variant]`
 */
export function formatPlatform(platform: Platform): string {
  const version = platform.osVersion === undefined ? '' : `(${platform.osVersion})`;
  const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
  return `${platform.os}${version}/${platform.architecture}${variant}`;
}

/**
 * Gives one spelling to platforms that mean the same: lower case, GOARCH names, no variant where it is the
 * architecture's default (arm64/v8, amd64/v1), `v7` for plain arm.
 */
export function normalizePlatform(platform: Platform): Platform {
  const lowerOs = platform.os.toLowerCase();
  const os = own(OS_NAMES, lowerOs) ?? lowerOs;
  const spelled = platform.architecture.toLowerCase();
  const [architecture, implied] = own(ARCHITECTURES, spelled) ?? [spelled];
  let variant = platform.variant?.toLowerCase() || implied;
  if (variant !== undefined && /^\d+$/.test(variant)) variant = `v${variant}`;
  if (architecture === 'arm') variant ??= 'v7';
  if (architecture === 'arm64' && (variant === 'v8' || variant === 'v8.0')) variant = undefined;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(platform.osVersion === undefined ? {} : { osVersion: platform.osVersion }),
  };
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/**
 * Says how well an image's platform serves a wanted one, as containerd matches: os and architecture must be
 * equal; an image for an older variant of the same architecture runs, and the newest of those is best.
 *
 * @returns 0 for an exact match, more for older variants, undefined when it does not serve
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const want = normalizePlatform(wanted);
  const offer = normalizePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  if (want.osVersion !== undefined && want.osVersion !== offer.osVersion) return undefined;
  if (want.variant === offer.variant) return 0;
  const distance = variantLevel(want) - variantLevel(offer);
  return distance >= 0 ? distance : undefined;
}

const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { arm64: 'v8', amd64: 'v1', arm: 'v7' };

/** `v7` is 7, `v8.2` is 8.2; variants that are no such number (and architectures without any) are NaN. */
function variantLevel(platform: Platform): number {
  const match = /^v(\d+)(?:\.(\d+))?$/.exec(
    platform.variant ?? own(DEFAULT_VARIANTS, platform.architecture) ?? '',
  );
  return match === null ? Number.NaN : Number(match[1]) + Number(match[2] ?? 0) / 100;
}
