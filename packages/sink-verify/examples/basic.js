import { compareImages, renderComparison } from '@ocirender/sink-verify';

/** A root directory with one file: the least that a form of an image must be able to say. */
function image(format, text, mode) {
  const metadata = { uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0, xattrs: new Map() };
  const plain = { ...metadata, target: '', devMajor: 0, devMinor: 0 };
  const bytes = new TextEncoder().encode(text);
  const root = { ...plain, type: 'directory', mode: 0o755, id: 1, size: 0 };
  const file = { ...plain, type: 'file', mode, id: 2, size: bytes.length };
  return {
    format,
    facts: {},
    times: { stepNs: 1 },
    randomAccess: true,
    root,
    children: async () => [['hello', file]],
    lookup: async (_directory, name) => (name === 'hello' ? file : undefined),
    async *content() {
      yield bytes;
    },
    async *contents(files) {
      for (const node of files) yield { node, content: this.content() };
    },
    close: async () => {},
  };
}

const comparison = await compareImages(image('one', 'hello\n', 0o644), image('other', 'hullo\n', 0o600));
for (const line of renderComparison(comparison, { subject: 'one', reference: 'the other' }))
  console.log(line);

const { counts, differences } = comparison;
if (counts.mode !== 1 || counts.content !== 1 || differences[1].offset !== 1)
  throw new Error('not as expected');
