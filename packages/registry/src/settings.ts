import { OcirenderError } from '@ocirender/interface';
import type { LayoutLimits } from '@ocirender/oci-layout';
import type { RegistryLimits, RetryOptions } from './options.ts';

const DEFAULT_RETRY: RetryOptions = {
  attempts: 6,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  maxRetryAfterMs: 120_000,
  connectTimeoutMs: 15_000,
  headersTimeoutMs: 60_000,
  stallTimeoutMs: 30_000,
  blobTimeoutMs: 900_000,
  noticeMs: 60_000,
  random: Math.random,
};

const DEFAULT_LIMITS: RegistryLimits = {
  documentBytes: 4 * 1024 * 1024,
  indexDepth: 8,
  manifests: 2000,
  layers: 4096,
};

/** Fills in what a caller left out, and checks what he did not. */
export function retrySettings(given: Partial<RetryOptions> = {}): RetryOptions {
  const settings = { ...DEFAULT_RETRY, ...given };
  for (const [name, value] of Object.entries(settings)) {
    const isValid = typeof value === 'function' || (Number.isFinite(value) && value >= 0);
    if (!isValid || (name === 'attempts' && (value as number) < 1)) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `retry.${name} cannot be ${String(value)}`);
    }
  }
  return settings;
}

/** Fills in the limits that a caller left out. */
export function documentLimits(given: Partial<RegistryLimits> = {}): LayoutLimits {
  return { ...DEFAULT_LIMITS, ...given };
}
