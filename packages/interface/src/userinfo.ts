import { OcirenderError } from './errors.ts';

/** What may stand behind an `@` in a reference: no host begins so. */
const DIGEST = '(?:sha\\d+:|[a-z0-9+._-]+:[0-9a-f]{32,})';
/** A user name, a password or both before the last `@` that is not a digest's. */
const IN_URL = new RegExp(
  `([a-z][a-z0-9+.-]*://)(?:[^\\s/@:"'<>]+:[^\\s"'<>]*|[^\\s/@"'<>]+)@(?!${DIGEST})`,
  'gi',
);
const IN_REFERENCE = new RegExp(`^[^\\s/@:]+:[^\\s]*@(?!${DIGEST})(?=[\\w.[-]+)`, 'i');

/**
 * Takes user names and passwords out of the addresses in a text.
 *
 * @param text - for example a message that quotes `https://USER:PASSWORD@HOST/…`
 * @returns the text with `***` in their place
 */
export function redactUserinfo(text: string): string {
  return text.includes('@') ? text.replace(IN_URL, '$1***@') : text;
}

/**
 * Says what is wrong with a reference that has a user name or a password in it, without repeating them.
 *
 * @param reference - as the user wrote it: `docker://USER:PASSWORD@HOST/NAME`, with or without scheme
 * @returns the error; undefined where there is none in it
 */
export function userinfoError(reference: string): OcirenderError | undefined {
  const redacted = redactUserinfo(reference).replace(IN_REFERENCE, '***@');
  if (redacted === reference) return undefined;
  return new OcirenderError(
    'ERR_OCIRENDER_USAGE',
    `${JSON.stringify(redacted)}: a user name or a password cannot be part of a reference`,
    {
      hint: 'Log in (ocirender login HOST), or give --username and --password-stdin (option credentials): a password on a command line can be seen by others.',
    },
  );
}
