import { isObject } from '../plugins/manifest.ts';
import type { RunConfig } from './inspection.ts';

/**
 * Reads what a container runs from an image's config. What is not as the specification says is left out.
 *
 * @param json - the config
 * @returns the facts; undefined when there is no config
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
 */
export function readRunConfig(json: unknown): RunConfig | undefined {
  const config = isObject(json) ? json['config'] : undefined;
  if (!isObject(config)) return undefined;
  const facts = {
    entrypoint: strings(config['Entrypoint']),
    cmd: strings(config['Cmd']),
    env: strings(config['Env']),
    user: text(config['User']),
    workingDir: text(config['WorkingDir']),
    exposedPorts: keys(config['ExposedPorts']),
    volumes: keys(config['Volumes']),
    labels: labels(config['Labels']),
    stopSignal: text(config['StopSignal']),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/**
 * Reads a text of a config's top level.
 *
 * @param json - the config
 * @param name - its name
 */
export function configText(json: unknown, name: string): string | undefined {
  return isObject(json) ? text(json[name]) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function strings(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.filter((item) => typeof item === 'string');
}

function keys(value: unknown): string[] | undefined {
  return isObject(value) && Object.keys(value).length > 0 ? Object.keys(value) : undefined;
}

function labels(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const pairs = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
