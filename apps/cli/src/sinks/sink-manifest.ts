/** One sink as a package.json declares it. */
export interface DeclaredSink {
  readonly name: string;
  readonly summary: string;
  readonly module: string;
  readonly export: string;
  readonly extensions?: readonly string[];
}

/** The key `ocirender` of a package.json, checked. */
export interface SinkManifest {
  readonly interface: number;
  readonly sinks: readonly DeclaredSink[];
  /** Sinks whose declaration is incomplete. */
  readonly broken: readonly { readonly name: string; readonly reason: string }[];
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * Checks the key `ocirender` of a plugin's package.json.
 *
 * @param value - whatever stands there
 * @returns the declaration, or why it is none
 */
export function readSinkManifest(value: unknown): SinkManifest | { readonly reason: string } {
  if (!isObject(value)) return { reason: 'the key "ocirender" of its package.json is not an object' };
  const version = value['interface'];
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) {
    return { reason: '"ocirender.interface" of its package.json is not a whole number' };
  }
  const declared = value['sinks'];
  if (!isObject(declared)) return { reason: '"ocirender.sinks" of its package.json is not an object' };
  const sinks: DeclaredSink[] = [];
  const broken: { name: string; reason: string }[] = [];
  for (const [name, sink] of Object.entries(declared)) {
    const result = readDeclaredSink(name, sink);
    if ('reason' in result) broken.push({ name, reason: result.reason });
    else sinks.push(result);
  }
  return { interface: version, sinks, broken };
}

function readDeclaredSink(name: string, value: unknown): DeclaredSink | { readonly reason: string } {
  if (!NAME.test(name)) return { reason: `its name ${JSON.stringify(name)} is not kebab-case` };
  if (!isObject(value)) return { reason: `"ocirender.sinks.${name}" of its package.json is not an object` };
  const { module, export: exportName, summary, extensions } = value;
  if (typeof module !== 'string' || typeof exportName !== 'string') {
    return { reason: `"ocirender.sinks.${name}" of its package.json lacks "module" or "export"` };
  }
  return {
    name,
    module,
    export: exportName,
    summary: typeof summary === 'string' ? summary : '',
    ...(isStringArray(extensions) ? { extensions } : {}),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
