/** What a plugin's package.json says of anything that it brings. */
export interface Declared {
  readonly name: string;
  readonly summary: string;
  /** Path of the module within the package. */
  readonly module: string;
  /** Name of the module's export. */
  readonly export: string;
}

/** One kind of things in the key `ocirender` of a package.json, checked. */
export interface Manifest<T extends Declared> {
  readonly interface: number;
  readonly items: readonly T[];
  /** Those whose declaration is incomplete. */
  readonly broken: readonly { readonly name: string; readonly reason: string }[];
}

/** Why something cannot be used: one sentence. */
export interface Unusable {
  readonly reason: string;
}

/** The kinds of things that plugins bring: keys under `ocirender`. */
export type PluginKey = 'sinks' | 'readers';

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * Checks the key `ocirender` of a plugin's package.json.
 *
 * @param value - whatever stands there
 * @param key - which kind of things to read
 * @param complete - reads what only that kind has
 * @returns the declaration, or why it is none
 */
export function readManifest<T extends Declared>(
  value: unknown,
  key: PluginKey,
  complete: (declared: Declared, fields: Readonly<Record<string, unknown>>) => T | Unusable,
): Manifest<T> | Unusable {
  if (!isObject(value)) return { reason: 'the key "ocirender" of its package.json is not an object' };
  const version = value['interface'];
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) {
    return { reason: '"ocirender.interface" of its package.json is not a whole number' };
  }
  // A plugin may bring one kind only.
  const isElsewhere = value[key] === undefined && (isObject(value['sinks']) || isObject(value['readers']));
  const declared = isElsewhere ? {} : value[key];
  if (!isObject(declared)) return { reason: `"ocirender.${key}" of its package.json is not an object` };
  const items: T[] = [];
  const broken: { name: string; reason: string }[] = [];
  for (const [name, fields] of Object.entries(declared)) {
    const common = readDeclared(name, key, fields);
    const result = 'reason' in common ? common : complete(common, fields as Record<string, unknown>);
    if ('reason' in result) broken.push({ name, reason: result.reason });
    else items.push(result);
  }
  return { interface: version, items, broken };
}

function readDeclared(name: string, key: PluginKey, value: unknown): Declared | Unusable {
  if (!NAME.test(name)) return { reason: `its name ${JSON.stringify(name)} is not kebab-case` };
  if (!isObject(value)) return { reason: `"ocirender.${key}.${name}" of its package.json is not an object` };
  const { module, export: exportName, summary } = value;
  if (typeof module !== 'string' || typeof exportName !== 'string') {
    return { reason: `"ocirender.${key}.${name}" of its package.json lacks "module" or "export"` };
  }
  return { name, module, export: exportName, summary: typeof summary === 'string' ? summary : '' };
}

/**
 * Tells an object that is no array from anything else.
 *
 * @param value - of JSON
 */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
