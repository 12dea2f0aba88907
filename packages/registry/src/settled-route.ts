/** A server of a route, with the way in which it is spoken to. */
export interface SettledPlace {
  /** Host and port, by which credentials are looked up. */
  readonly name: string;
  /** What the image is called there. */
  readonly repository: string;
  readonly base: URL;
  /** Whether its certificate goes unchecked. */
  readonly isUnverified: boolean;
}

/** Where an image is looked for, by `registries.conf`. */
export interface SettledRoute {
  readonly mirrors: readonly SettledPlace[];
  /** Instead of the registry that the reference names. */
  readonly location?: SettledPlace;
  /** The file that says so. */
  readonly file: string;
}
