import { OcirenderError, printable } from '@ocirender/interface';

/** References of other tools that are known, and what brings such an image here. */
const TRANSPORTS: readonly (readonly [RegExp, what: string, help: (rest: string) => string])[] = [
  [
    /^containers-storage:/,
    'an image in the store of Podman and Buildah',
    (rest) => `Write podman:${rest}, or pipe it: podman save ${rest} | ocirender convert - …`,
  ],
  [
    /^ostree:/,
    'an image in an OSTree repository',
    (rest) => `Copy it: skopeo copy ostree:${rest} oci:LAYOUT:TAG.`,
  ],
  [/^sif:/, 'a SIF file of Singularity', (rest) => `Copy it: skopeo copy sif:${rest} oci:LAYOUT:TAG.`],
  [/^oci:\/\//, 'an image in a registry, in the spelling of Helm', (rest) => `Write docker://${rest}.`],
  [
    /^https?:\/\//,
    'a web address',
    (rest) =>
      `For an image in a registry write docker://${rest}; for an archive: curl -L ADDRESS | ocirender convert - …`,
  ],
  [/^tarball:/, 'a tar of a root file system', (rest) => `Give the file itself to a reader: tar:${rest}.`],
];

/**
 * The error of a reference that another tool would understand.
 *
 * @param text - as the user wrote it
 * @returns undefined for all others
 */
export function foreignTransport(text: string): OcirenderError | undefined {
  const found = TRANSPORTS.find(([pattern]) => pattern.test(text));
  if (found === undefined) return undefined;
  const [pattern, what, help] = found;
  const rest = printable(text.replace(pattern, ''));
  return new OcirenderError('ERR_OCIRENDER_USAGE', `${printable(text)} names ${what}, which is not read`, {
    hint: help(rest === '' ? 'NAME' : rest),
  });
}
