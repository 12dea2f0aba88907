import { type FileHandle, open, readFile } from 'node:fs/promises';
import {
  type Content,
  type ContentInfo,
  defineSink,
  type Inode,
  isHole,
  type Sink,
  type SinkContext,
  type SinkSession,
  type Tree,
  throwIfAborted,
  walkTree,
} from '@ocirender/interface';
import { type ContentSource, contentSha256 } from '../../src/content-source.ts';
import type { ReadEntry, ReadTree } from '../../src/read-tree.ts';

/** What the sink does wrong, to see that the suite finds it. */
export type Flaw =
  | 'keeps-views'
  | 'leaks-handle'
  | 'leaks-worker'
  | 'ignores-signal'
  | 'forgets-links'
  | 'forgets-xattrs'
  | 'depends-on-cuts'
  | 'hides-stream-error'
  | 'changes-tree'
  | 'complains';

interface StoredEntry extends Omit<ReadEntry, 'xattrs'> {
  path: string;
  xattrs: [string, string][];
}

/** What the flaw `leaks-handle` left open, for the tests to close. */
export const leakedHandles: FileHandle[] = [];

/** A sink that keeps everything in memory and writes one JSON document. */
export function jsonSink(flaw?: Flaw): Sink {
  return defineSink({
    name: 'json',
    summary: 'Writes the tree as JSON.',
    extensions: ['.json'],
    outputs: ['file'],
    options: { indent: { type: 'integer', description: 'Spaces to indent by.', min: 0, max: 8, default: 0 } },
    open: (context) => openSession(context, flaw),
  });
}

async function openSession(context: SinkContext, flaw: Flaw | undefined): Promise<SinkSession> {
  if (context.output.kind !== 'file') throw new Error('not a file');
  const file = await open(context.output.path, 'wx');
  const contents: { hash: string; parts: number }[] = [];
  const kept: Uint8Array[] = [];
  const close = async (): Promise<void> => {
    if (flaw === 'leaks-handle') leakedHandles.push(file);
    else await file.close();
  };
  if (flaw === 'leaks-worker') await startWorker();
  return {
    placement: 'any',
    write: async (content, info) => {
      const parts =
        flaw === 'hides-stream-error' ? await collectQuietly(content, info) : await collect(content, info);
      if (flaw === 'keeps-views' && content instanceof Uint8Array) kept.push(content);
      contents.push({ hash: contentSha256(joined(parts)), parts: parts.length });
      return contents.length - 1;
    },
    finish: async (tree) => {
      if (flaw !== 'ignores-signal') throwIfAborted(context.signal);
      const first = kept.at(0);
      if (first !== undefined) contents[0]!.hash = contentSha256(joined([first]));
      const entries = describe(tree, contents, flaw);
      if (flaw === 'changes-tree') tree.root.mode = 0o777;
      if (flaw === 'complains') context.diagnose({ code: 'xattr-dropped', message: 'for no reason' });
      const cuts = flaw === 'depends-on-cuts' ? contents.map(({ parts }) => parts) : [];
      const bytesWritten = await writeAll(
        file,
        JSON.stringify({ entries, cuts }, null, Number(context.options['indent'])),
      );
      await close();
      if (flaw !== 'ignores-signal') throwIfAborted(context.signal);
      return { bytesWritten, details: { entries: entries.length } };
    },
    abort: () => close().catch(() => {}),
  };
}

async function startWorker(): Promise<void> {
  const { Worker } = await import('node:worker_threads');
  new Worker('setInterval(() => {}, 1000)', { eval: true }).unref();
}

async function writeAll(file: FileHandle, text: string): Promise<number> {
  await file.writeFile(text);
  await file.sync();
  return Buffer.byteLength(text);
}

async function collect(content: Content, info: ContentInfo): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  if (content instanceof Uint8Array) parts.push(Uint8Array.from(content));
  else
    for await (const chunk of content)
      parts.push(isHole(chunk) ? new Uint8Array(chunk.hole) : Uint8Array.from(chunk));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length !== info.size) throw new Error(`${length} bytes instead of ${info.size}`);
  return parts;
}

async function collectQuietly(content: Content, info: ContentInfo): Promise<Uint8Array[]> {
  try {
    return await collect(content, info);
  } catch (error) {
    throw new Error('something went wrong', { cause: error });
  }
}

function joined(parts: readonly Uint8Array[]): ContentSource {
  const bytes = Buffer.concat(parts);
  return {
    size: bytes.length,
    fill: (target, offset) => target.set(bytes.subarray(offset, offset + target.length)),
  };
}

function describe(tree: Tree, contents: readonly { hash: string }[], flaw: Flaw | undefined): StoredEntry[] {
  const numbers = new Map<Inode, number>();
  return [...walkTree(tree)].map(({ path, inode }, index) => {
    if (flaw === 'forgets-links' || !numbers.has(inode)) numbers.set(inode, index);
    const content = inode.type === 'file' ? inode.content : undefined;
    const xattrs = flaw === 'forgets-xattrs' ? [] : [...inode.xattrs];
    return {
      path,
      type: inode.type,
      mode: inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      mtime: inode.mtime,
      mtimeNs: inode.mtimeNs,
      inode: numbers.get(inode)!,
      xattrs: xattrs.map(([name, value]): [string, string] => [name, Buffer.from(value).toString('hex')]),
      ...(inode.type === 'symlink' ? { target: inode.target } : {}),
      ...('devMajor' in inode ? { devMajor: inode.devMajor, devMinor: inode.devMinor } : {}),
      ...(inode.type === 'file'
        ? {
            size: inode.size,
            sha256: content === undefined ? contentSha256(joined([])) : contents[content]!.hash,
          }
        : {}),
    };
  });
}

/** Reads what {@link jsonSink} wrote. */
export async function readJson(path: string): Promise<ReadTree> {
  const { entries } = JSON.parse(await readFile(path, 'utf8')) as { entries: StoredEntry[] };
  return new Map(
    entries.map(({ path: name, xattrs, ...entry }) => [
      name,
      { ...entry, xattrs: new Map(xattrs.map(([key, value]) => [key, Buffer.from(value, 'hex')])) },
    ]),
  );
}
