/** An image's id: of its config, in full. */
const ID = /^(?:sha256:)?[0-9a-f]{64}$/;

/**
 * The name by which an engine is asked for one image: without a tag it would give all that have the name.
 *
 * @param name - `nginx`, `nginx:1.27`, `nginx@sha256:…`, or an image's id
 */
export function engineImageName(name: string): string {
  if (ID.test(name) || name.includes('@')) return name;
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`;
}
