import { type ByteString, byteStringFromText, NO_XATTRS, type Xattrs } from '@ocirender/interface';
import type { SinkCapabilities } from './capabilities.ts';
import { contentSizes, largeFile, sameContents, sparseFiles } from './content-scenarios.ts';
import { patternContent, textContent } from './content-source.ts';
import { type PlannedTree, TreeBuilder } from './tree-builder.ts';

/** One tree that every sink must be able to write. */
export interface Scenario {
  readonly name: string;
  /** Makes the tree anew; the capabilities limit how far it goes where a format says so. */
  readonly build: (capabilities: SinkCapabilities) => PlannedTree;
}

/** `2021-01-02T03:04:05Z` in seconds since the epoch. */
const SOME_TIME = 1_609_556_645;

/** The trees, in the order in which the suite writes them. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'an empty tree', build: () => new TreeBuilder().build() },
  { name: 'every kind of inode', build: everyKind },
  { name: 'metadata of the root', build: rootMetadata },
  { name: 'hard links of every kind', build: hardLinks },
  { name: 'extended attributes', build: extendedAttributes },
  { name: 'odd names', build: oddNames },
  { name: 'all permission bits', build: permissionBits },
  { name: 'large owner ids', build: ownerIds },
  { name: 'times to the nanosecond, early and far', build: times },
  { name: 'contents of every size around block edges', build: contentSizes },
  { name: 'the same contents more than once', build: sameContents },
  { name: 'sparse files', build: sparseFiles },
  { name: 'one large streamed file', build: largeFile },
  { name: 'many small files in a wide directory', build: wideDirectory },
  { name: 'deep directories', build: deepDirectories },
];

function everyKind(capabilities: SinkCapabilities): PlannedTree {
  const at = (mtime: number): { mtime: number } => ({ mtime: SOME_TIME + mtime });
  const builder = new TreeBuilder(at(0))
    .directory('directory', { mode: 0o750, uid: 1, gid: 2, ...at(1) })
    .file('directory/file', textContent('hello\n'), { mode: 0o640, uid: 3, gid: 4, ...at(2) })
    .directory('directory/empty', at(3))
    .file('empty', undefined, at(4))
    .symlink('symlink', 'directory/file', { uid: 5, gid: 6, ...at(5) })
    .symlink('absolute', '/nowhere/at all', at(6))
    .device('tty', 'character-device', 5, 1, { mode: 0o620, gid: 5, ...at(7) })
    .device('disk', 'block-device', 259, 70_000, { mode: 0o660, gid: 6, ...at(8) })
    .special('fifo', 'fifo', { mode: 0o600, ...at(9) });
  if (capabilities.types.includes('socket')) builder.special('socket', 'socket', at(10));
  return builder.build();
}

function rootMetadata(capabilities: SinkCapabilities): PlannedTree {
  const xattrs = attributes(capabilities, { 'user.root': 'r' });
  return new TreeBuilder({ mode: 0o1711, uid: 10, gid: 20, mtime: SOME_TIME, xattrs })
    .file('file', textContent('x'))
    .build();
}

function hardLinks(capabilities: SinkCapabilities): PlannedTree {
  const linked = { mtime: SOME_TIME, uid: 7 };
  const xattrs = attributes(capabilities, { 'user.linked': 'yes' });
  return new TreeBuilder()
    .file('z/file', textContent('linked\n'), { ...linked, xattrs })
    .link('a/file', 'z/file')
    .link('file', 'z/file')
    .file('z/empty', undefined, linked)
    .link('a/empty', 'z/empty')
    .symlink('z/symlink', 'file', linked)
    .link('a/symlink', 'z/symlink')
    .device('z/null', 'character-device', 1, 3, linked)
    .link('a/null', 'z/null')
    .device('z/loop', 'block-device', 7, 0, linked)
    .link('a/loop', 'z/loop')
    .special('z/fifo', 'fifo', linked)
    .link('a/fifo', 'z/fifo')
    .file('z/alike', textContent('linked\n'), { ...linked, xattrs })
    .build();
}

function extendedAttributes(capabilities: SinkCapabilities): PlannedTree {
  const binary = Uint8Array.from({ length: 256 }, (_, index) => index);
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const shared = attributes(capabilities, { 'user.comment': 'shared by two', 'user.second': '=\n\0=' });
  const trusted = attributes(capabilities, { 'trusted.note': 't' });
  const large = Buffer.alloc(capabilities.xattrBytes, 'large value ');
  const acl = Buffer.from(
    '02000000' +
      '01000600ffffffff' +
      '02000400e8030000' +
      '04000400ffffffff' +
      '10000400ffffffff' +
      '20000000ffffffff',
    'hex',
  );
  return new TreeBuilder()
    .file('binary', textContent('b'), {
      xattrs: attributes(capabilities, { 'user.binary': binary, 'user.empty': '' }),
    })
    .file('capability', textContent('c'), {
      xattrs: attributes(capabilities, { 'security.capability': capability }),
    })
    .file('one', textContent('1'), { xattrs: shared })
    .file('two', undefined, { xattrs: shared })
    .file('large', undefined, { xattrs: attributes(capabilities, { 'user.large': large }) })
    .file('acl', textContent('a'), {
      mode: 0o640,
      xattrs: attributes(capabilities, { 'system.posix_acl_access': acl }),
    })
    .file('name', undefined, {
      xattrs: attributes(capabilities, { [byteStringFromText('user.näme with space')]: 'n' }),
    })
    .directory('directory', {
      xattrs: attributes(capabilities, { 'user.d': 'd', 'trusted.d': 'd', 'security.d': 'd' }),
    })
    .symlink('symlink', 'one', { xattrs: trusted })
    .device('device', 'character-device', 1, 3, { xattrs: trusted })
    .special('fifo', 'fifo', { xattrs: trusted })
    .build();
}

/** Keeps only what the format holds: a loss has a check of its own. */
function attributes(capabilities: SinkCapabilities, values: Record<string, string | Uint8Array>): Xattrs {
  const held = Object.entries(values).filter(([name]) =>
    capabilities.xattrPrefixes.some((prefix) => name.startsWith(prefix)),
  );
  if (held.length === 0) return NO_XATTRS;
  return new Map(
    held.map(([name, value]) => [name, typeof value === 'string' ? Buffer.from(value, 'latin1') : value]),
  );
}

function oddNames(): PlannedTree {
  const builder = new TreeBuilder();
  const names: ByteString[] = [
    'line\nbreak',
    'tab\tand space ',
    ' ',
    'back\\slash',
    '"quoted"',
    "it's",
    '-rf',
    '...',
    '\u0001\u001f\u007f',
    '\u00ff\u00fe\u0080 not UTF-8',
    byteStringFromText('ünïcödé'),
    byteStringFromText('e\u0301 decomposed'),
    byteStringFromText('\u00e9 composed'),
    byteStringFromText('🐳'),
    'n'.repeat(255),
    '\u00e9'.repeat(255),
    '%s%n',
    '.wh.looks-like-one',
    '*',
    '#comment',
    'key=value',
  ];
  for (const [index, name] of names.entries()) builder.file(name, textContent(`${index}`));
  // The separator sorts between '.' and '0': a directory's children are not where its name's neighbours are.
  builder.file('a-b').file('a.b').file('a0b').file('a/b').file('a b').file('ab');
  builder.file(`${'p'.repeat(90)}/${'q'.repeat(90)}/${'r'.repeat(90)}`, textContent('long path'));
  builder.symlink('to-bytes', '\u00ff/../\u0080\n');
  builder.symlink('to-far', 't'.repeat(3000));
  return builder.build();
}

function permissionBits(): PlannedTree {
  const builder = new TreeBuilder();
  for (const mode of [0, 0o1, 0o7777, 0o4755, 0o2755, 0o1777, 0o4000, 0o2000, 0o1000, 0o4711, 0o222]) {
    const name = mode.toString(8).padStart(4, '0');
    builder.file(`file-${name}`, textContent(name), { mode }).directory(`directory-${name}`, { mode });
    builder.special(`fifo-${name}`, 'fifo', { mode });
  }
  return builder.build();
}

function ownerIds(): PlannedTree {
  const builder = new TreeBuilder();
  const ids = [0, 1, 1000, 65_534, 65_535, 65_536, 2_097_151, 2_097_152, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2];
  for (const [index, id] of ids.entries()) {
    const owner = { uid: id, gid: ids[ids.length - 1 - index]! };
    builder
      .file(`file-${id}`, textContent('x'), owner)
      .directory(`directory-${id}`, owner)
      .symlink(`link-${id}`, 'x', owner);
  }
  // Set-id bits are lost by systems that change the owner after the mode.
  return builder.file('setuid', textContent('x'), { uid: 33, gid: 34, mode: 0o6755 }).build();
}

function times({ timeRange: [earliest, latest], nanoseconds }: SinkCapabilities): PlannedTree {
  const builder = new TreeBuilder({ mtime: 1 });
  const wanted = [
    -(2 ** 31),
    -1000,
    -2,
    -1,
    0,
    1,
    SOME_TIME,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    5_000_000_000,
  ];
  for (const mtime of wanted.filter((second) => second >= earliest && second <= latest)) {
    for (const mtimeNs of nanoseconds ? [0, 1, 500_000_000, 999_999_999] : [0]) {
      const time = { mtime, mtimeNs };
      const name = `${mtime}.${mtimeNs}`;
      builder.file(`file ${name}`, textContent('t'), time).directory(`directory ${name}`, time);
      builder.file(`directory ${name}/child`, undefined, time).symlink(`symlink ${name}`, 't', time);
      builder.special(`fifo ${name}`, 'fifo', time);
    }
  }
  return builder.build();
}

function wideDirectory(): PlannedTree {
  const builder = new TreeBuilder();
  for (let index = 0; index < 3000; index++) {
    const name = `wide/${'entry-with-a-name-of-some-length-'.slice(0, 8 + (index % 25))}${index}`;
    const metadata = { mtime: SOME_TIME + index, mode: index % 2 === 0 ? 0o644 : 0o755, uid: index % 40 };
    if (index % 16 === 15) builder.symlink(name, `target-${index}`, { mtime: SOME_TIME });
    else if (index % 16 === 7) builder.directory(name, metadata);
    else
      builder.file(
        name,
        index % 16 === 3 ? undefined : patternContent(1 + (index % 700), index, 'text'),
        metadata,
      );
  }
  return builder.build();
}

function deepDirectories(): PlannedTree {
  const builder = new TreeBuilder();
  const path = Array.from({ length: 150 }, (_, index) => `level-${index}`);
  builder.file([...path, 'file'].join('/'), textContent('at the bottom'));
  builder.directory(path.slice(0, 75).join('/'), { mode: 0o700, mtime: SOME_TIME });
  return builder.build();
}
