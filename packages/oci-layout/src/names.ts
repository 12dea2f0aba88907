/** How well a name in a layout answers to what the user asked for. */
export type NameMatch = 'exact' | 'latest' | 'tag' | undefined;

/** Docker's registry, which names may leave out. */
const IMPLIED = ['docker.io/', 'docker.io/library/'];

/**
 * Compares a name that an image carries (a bare tag or `registry/repository:tag`) with a wanted one.
 *
 * @returns `exact` for the whole name (Docker's default registry may be left out), `latest` for a name without a tag,
 * which means `NAME:latest`, `tag` for its tag part
 */
export function matchName(name: string, wanted: string): NameMatch {
  const isCalled = (text: string): boolean =>
    name === text || IMPLIED.some((implied) => name === implied + text);
  if (isCalled(wanted)) return 'exact';
  if (isCalled(`${wanted}:latest`)) return 'latest';
  return tagPart(name) === wanted ? 'tag' : undefined;
}

/** The tag of a full name; of a bare tag that tag itself. */
export function tagPart(name: string): string {
  return name.slice(Math.max(name.lastIndexOf(':'), name.lastIndexOf('/')) + 1);
}

/** A full name without its tag and without Docker's default registry; of a bare tag nothing. */
function repositoryPart(name: string): string {
  const colon = name.lastIndexOf(':');
  const slash = name.lastIndexOf('/');
  const repository = colon > slash ? name.slice(0, colon) : slash === -1 ? '' : name;
  return repository.replace(/^docker\.io\/(library\/)?/, '');
}

/**
 * Finds what a name means: those that match best.
 *
 * @param items - images
 * @param namesOf - the names of one
 * @param wanted - a full name, a name without its tag, or a tag
 */
export function findNamed<Item>(
  items: readonly Item[],
  namesOf: (item: Item) => readonly string[],
  wanted: string,
): Item[] {
  const matches = items.map((item) => namesOf(item).map((name) => matchName(name, wanted)));
  for (const kind of ['exact', 'latest', 'tag'] as const) {
    const found = items.filter((_, i) => matches[i]!.includes(kind));
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * Whether images are of one repository, so that their tags are what tells them apart. One without a name belongs to no
 * repository.
 */
export function isOneRepository<Item>(
  items: readonly Item[],
  namesOf: (item: Item) => readonly string[],
): boolean {
  const repositories = new Set<string>();
  for (const item of items) {
    const own = new Set(namesOf(item).map(repositoryPart));
    // Beside a full name a bare tag says nothing of its own.
    if (own.size > 1) own.delete('');
    if (own.size === 0) return false;
    for (const repository of own) repositories.add(repository);
  }
  return repositories.size <= 1;
}

/** Those that are called `latest`, if that is a choice among the tags of one repository. */
export function latestOf<Item>(items: readonly Item[], namesOf: (item: Item) => readonly string[]): Item[] {
  if (!isOneRepository(items, namesOf)) return [];
  return items.filter((item) => namesOf(item).some((name) => tagPart(name) === 'latest'));
}
