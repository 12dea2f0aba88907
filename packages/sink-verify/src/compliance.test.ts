import { expandHoles, type ImageSource, type Sink, type SinkSession, type Tree } from '@ocirender/interface';
import { testSink } from '../../sink-compliance/src/index.ts';
import { verifySink } from './sink.ts';
import { inode, MemoryImage, type MemoryInode, type MemoryTree } from './testing/memory-image.ts';

/** The sink, with a reference that turns out to be the very tree that is written. */
function selfReferring(): Sink {
  return {
    ...verifySink,
    async open(context) {
      const contents: Uint8Array[] = [];
      let reference: MemoryImage | undefined;
      const later = new Proxy({} as ImageSource, {
        get(_, name) {
          if (name === 'close') return () => Promise.resolve();
          if (reference === undefined) return undefined;
          const value: unknown = Reflect.get(reference, name, reference);
          return typeof value === 'function' ? value.bind(reference) : value;
        },
      });
      const session = await verifySink.open({ ...context, openImage: () => Promise.resolve(later) });
      return new Proxy(session, {
        get(target, name) {
          if (name === 'write') {
            return async (...[content, info]: Parameters<SinkSession['write']>) => {
              const parts: Uint8Array[] = [];
              const stream = content instanceof Uint8Array ? [content] : expandHoles(content);
              for await (const part of stream) parts.push(Uint8Array.from(part));
              const bytes = Buffer.concat(parts);
              const ref = await target.write(bytes, info);
              contents[ref] = bytes;
              return ref;
            };
          }
          if (name === 'finish') {
            return (tree: Tree) => {
              reference = new MemoryImage(memoryTree(tree, contents));
              return target.finish(tree);
            };
          }
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}

function memoryTree(tree: Tree, contents: readonly Uint8Array[]): MemoryTree {
  const copies = new Map<object, MemoryInode>();
  const result: MemoryTree = new Map();
  const pending: [
    string,
    Tree['root'] | (Tree['root']['children'] extends Map<string, infer I> ? I : never),
  ][] = [['', tree.root]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path, node] = next;
    const { type, mode, uid, gid, mtime, mtimeNs } = node;
    const copy =
      copies.get(node) ??
      inode(type, {
        mode,
        uid,
        gid,
        mtime,
        mtimeNs,
        xattrs: new Map(node.xattrs),
        ...(node.type === 'symlink' ? { target: node.target } : {}),
        ...('devMajor' in node ? { devMajor: node.devMajor, devMinor: node.devMinor } : {}),
        ...(node.type === 'file' && node.content !== undefined ? { content: contents[node.content]! } : {}),
      });
    copies.set(node, copy);
    result.set(path, copy);
    if (node.type !== 'directory') continue;
    for (const [name, child] of node.children) pending.push([path === '' ? name : `${path}/${name}`, child]);
  }
  return result;
}

testSink({
  name: 'sink-verify',
  factory: selfReferring,
  read: () => Promise.resolve(new Map()),
  options: { reference: 'itself' },
  capabilities: { reproducible: false },
});
