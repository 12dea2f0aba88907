import type { InferredFlags } from '@oclif/core/interfaces';
import { limitFlag } from './limit-flag.ts';

/** Limits on the documents of images: of every command that reads them. */
export const documentLimitFlags = {
  'max-document-size': limitFlag('documentBytes'),
  'max-index-depth': limitFlag('indexDepth'),
  'max-manifests': limitFlag('manifests'),
  'max-layers': limitFlag('layers'),
};

/** Limits on where an image comes from: of every command that opens archives too. */
export const sourceLimitFlags = {
  ...documentLimitFlags,
  'max-archive-members': limitFlag('members'),
  'max-archive-names': limitFlag('nameBytes'),
  'max-spool-size': limitFlag('spoolBytes'),
};

/** The parsed {@link documentLimitFlags}. */
export type DocumentLimitFlags = InferredFlags<typeof documentLimitFlags>;
