/** What the example image holds: three layers that use most of what a layer can say. */

const MADE = Date.UTC(2024, 0, 1) / 1000;
const DAY = 24 * 60 * 60;

const directory = (path, more = {}) => ({
  path: `${path}/`,
  type: 'directory',
  mode: 0o755,
  mtime: MADE,
  ...more,
});
const file = (path, content, more = {}) => ({ path, content, mtime: MADE, ...more });
const whiteout = (path) => ({ path, mtime: MADE + DAY });

const HELLO = '#!/bin/sh\necho "Hello from a merged image"\n';

/** Numbers that look random and are the same everywhere: contents that do not compress. */
function noise(bytes) {
  const data = Buffer.alloc(bytes);
  let state = 2463534242;
  for (let at = 0; at < bytes; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[at] = state & 0xff;
  }
  return data;
}

const base = [
  directory('.'),
  directory('dev'),
  { path: 'dev/null', type: 'character-device', mode: 0o666, device: [1, 3], mtime: MADE },
  directory('etc'),
  file('etc/hostname', 'base\n'),
  file('etc/motd', 'This text is replaced by the next layer.\n'),
  file('etc/secret', 'This file is removed by the last layer.\n', { mode: 0o600 }),
  directory('home'),
  directory('home/demo', { mode: 0o700, uid: 1000, gid: 1000 }),
  file('home/demo/.profile', 'PATH=/usr/bin\n', { uid: 1000, gid: 1000 }),
  { path: 'lib', type: 'symlink', mode: 0o777, linkTarget: 'usr/lib', mtime: MADE },
  directory('opt'),
  directory('opt/old'),
  file('opt/old/readme', 'The whole directory is removed by the next layer.\n'),
  directory('run'),
  { path: 'run/control', type: 'fifo', mode: 0o620, mtime: MADE },
  directory('tmp', { mode: 0o1777 }),
  directory('usr'),
  directory('usr/bin'),
  file('usr/bin/hello', HELLO, { mode: 0o755 }),
  { path: 'usr/bin/greet', type: 'hardlink', mode: 0o755, linkTarget: 'usr/bin/hello', mtime: MADE },
  file('usr/bin/become', HELLO, { mode: 0o4755 }),
  directory('usr/lib'),
  directory('usr/share'),
  file('usr/share/noise', noise(150_000)),
  file('usr/share/text', 'A line that compresses well.\n'.repeat(8000), {
    xattrs: { 'user.comment': 'made for the demo' },
  }),
  directory('var'),
  directory('var/cache'),
  file('var/cache/stale', 'An opaque marker in the next layer hides this.\n'),
];

const application = [
  file('etc/motd', 'Welcome to the demo.\n', { mtime: MADE + DAY }),
  // No entry for lib itself: it is a symbolic link in the layer below and is followed.
  file('lib/plugin', 'Lands in usr/lib.\n', { mtime: MADE + DAY }),
  whiteout('opt/.wh.old'),
  directory('srv', { mtime: MADE + DAY }),
  // A hard link to a file of the layer below: it shares that inode.
  { path: 'srv/hello', type: 'hardlink', mode: 0o755, linkTarget: 'usr/bin/hello', mtime: MADE },
  directory('var/cache', { mtime: MADE + DAY }),
  whiteout('var/cache/.wh..wh..opq'),
  file('var/cache/fresh', 'Only this is left here.\n', { mtime: MADE + DAY }),
];

const configuration = [
  whiteout('etc/.wh.secret'),
  file('etc/hostname', 'demo\n', { mtime: MADE + 2 * DAY }),
  // The link group of usr/bin/hello loses one name; the others keep the old bytes.
  file('usr/bin/greet', '#!/bin/sh\necho "Changed above"\n', { mode: 0o755, mtime: MADE + 2 * DAY }),
];

/** The layers, oldest first. */
export const layers = [
  { comment: 'base system', members: base },
  { comment: 'application', members: application },
  { comment: 'configuration', members: configuration },
];
