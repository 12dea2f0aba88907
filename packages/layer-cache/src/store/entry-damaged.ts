/** An entry of the cache that is not what it should be: it is treated as if it were not there. */
export class EntryDamaged extends Error {
  override readonly name = 'EntryDamaged';
}
