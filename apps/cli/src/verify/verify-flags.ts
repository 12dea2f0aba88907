import * as Flags from '@oclif/core/flags';
import type { InferredFlags } from '@oclif/core/interfaces';
import { cacheFlags } from '../cache/cache-flags.ts';
import { readFlags } from '../readers/read-flags.ts';

/** The flags of `ocirender verify`. */
export const verifyFlags = {
  ignore: Flags.string({
    summary:
      'Fields that do not count, separated by commas: type, mode, uid, gid, size, mtime, link-target, link-group, link-count, device, xattrs, content.',
    helpValue: 'FIELDS',
    multiple: true,
    multipleNonGreedy: true,
  }),
  exclude: Flags.string({
    summary: 'Paths that do not count, nor what is below them; may be given several times.',
    description:
      'Matched against the whole path from the root: "var/cache/**", "**/__pycache__". "*" does not cross a slash, "**" does.',
    helpValue: 'GLOB',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'docker-export': Flags.boolean({
    summary: 'Leave out what "docker export" adds at run time (.dockerenv, dev/console, etc/hosts, …).',
  }),
  strict: Flags.boolean({
    summary: 'Refuse an image that the kernel could not read, though our reader can (squashfs).',
  }),
  'max-differences': Flags.integer({
    summary: 'Differences to list; more are counted.',
    helpValue: 'N',
    min: 0,
    default: 10_000,
  }),
  squashfs: Flags.string({
    summary: 'Older spelling: the subject is this squashfs image.',
    helpValue: 'FILE',
    dependsOn: ['reference'],
  }),
  reference: Flags.string({
    summary: 'Older spelling: the reference is this directory.',
    helpValue: 'DIR',
    dependsOn: ['squashfs'],
  }),
  ...readFlags,
  ...cacheFlags,
};

/** The parsed flags of `ocirender verify`. */
export type VerifyFlags = InferredFlags<typeof verifyFlags>;
