/** What `--progress` can say: `auto` draws bars on a terminal and writes lines elsewhere. */
export const PROGRESS_MODES = ['auto', 'plain', 'none'] as const;

/** One of {@link PROGRESS_MODES}. */
export type ProgressMode = (typeof PROGRESS_MODES)[number];
