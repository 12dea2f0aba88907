import { readFile } from 'node:fs/promises';
import { NO_XATTRS } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { COMPRESSIONS } from './compression.ts';
import { FLAG, NO_FRAGMENT } from './format.ts';
import { build, bytesOf, directory, file, PLAIN, stream, withPath } from './testing/build.ts';
import { readImage } from './testing/read-image.ts';

const K = 1024;

describe('contents', () => {
  for (const compression of COMPRESSIONS) {
    it(`come back as they were: ${compression}`, () =>
      withPath(async (path) => {
        const sizes = [1, 100, 4095, 4096, 4097, 8192, 50_000, 131_071, 131_072, 131_073, 400_000];
        const contents = sizes.flatMap((size, i) => [
          bytesOf(size, i),
          bytesOf(size, i, true),
          Buffer.alloc(size),
        ]);
        await build(path, { compression, threads: 2 }, async (store) => {
          const names: Record<string, ReturnType<typeof file>> = { empty: file(0, undefined) };
          for (const [i, content] of contents.entries())
            names[`f${i}`] = file(content.length, await store(content));
          return directory(names);
        });
        const { root } = await readImage(path);
        expect(root.children?.get('empty')?.content).toEqual(Buffer.alloc(0));
        for (const [i, content] of contents.entries()) {
          expect(root.children?.get(`f${i}`)?.content?.equals(content), `f${i}`).toBe(true);
        }
      }));
  }

  for (const blockSize of [4 * K, 64 * K, 1024 * K]) {
    for (const fragments of [true, false]) {
      it(`in blocks of ${blockSize} bytes, fragments ${fragments}`, () =>
        withPath(async (path) => {
          const contents = Array.from({ length: 300 }, (_, i) => bytesOf(1 + ((i * 7919) % 30_000), i));
          contents.push(bytesOf(3_000_000, 1), bytesOf(blockSize * 2, 2), bytesOf(2_500_000, 3, true));
          const { summary } = await build(path, { blockSize, fragments }, async (store) => {
            const names: Record<string, ReturnType<typeof file>> = {};
            for (const [i, content] of contents.entries())
              names[`f${i}`] = file(content.length, await store(content));
            return directory(names);
          });
          const image = await readImage(path);
          expect(summary.fragments > 0).toBe(fragments);
          expect((image.super.flags & FLAG.noFragments) === 0).toBe(fragments);
          for (const [i, content] of contents.entries()) {
            expect(image.root.children?.get(`f${i}`)?.content?.equals(content), `f${i}`).toBe(true);
          }
        }));
    }
  }

  it('packs tails of larger files when asked', () =>
    withPath(async (path) => {
      const content = bytesOf(10_000, 5);
      await build(path, { blockSize: 4096, tailPacking: true }, async (store) =>
        directory({ a: file(10_000, await store(content)) }),
      );
      const { root, super: sb } = await readImage(path);
      expect(root.children?.get('a')?.content?.equals(content)).toBe(true);
      expect(root.children?.get('a')?.words).toHaveLength(2);
      expect(root.children?.get('a')?.fragment).toBe(0);
      expect(sb.flags & FLAG.alwaysFragments).toBe(FLAG.alwaysFragments);
    }));

  it('refuses a content that is not as long as announced', () =>
    withPath(async (path) => {
      const short = build(path, {}, async (store) =>
        directory({ a: file(10, await store(stream([bytesOf(9, 1)]), 10)) }),
      );
      await expect(short).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
    }));

  it.each([
    ['whole', (size: number) => bytesOf(size + 1, 1)],
    ['a stream', (size: number) => stream([bytesOf(size, 1), bytesOf(1, 1)])],
    ['a hole', (size: number) => stream([{ hole: size + 1 }])],
  ])('refuses a content that is longer than announced: %s', (_, content) =>
    withPath(async (path) => {
      for (const size of [100, 200_000]) {
        const long = build(`${path}${size}`, {}, async (store) =>
          directory({ a: file(size, await store(content(size), size)) }),
        );
        await expect(long).rejects.toMatchObject({ code: 'ERR_OCIRENDER_USAGE' });
      }
    }),
  );

  it('refuses a file of more blocks than sensible', () =>
    withPath(async (path) => {
      const size = 2 ** 43 + 1;
      const vast = build(path, {}, async (store) =>
        directory({ a: file(size, await store(stream([{ hole: size }]), size)) }),
      );
      await expect(vast).rejects.toMatchObject({ code: 'ERR_OCIRENDER_SINK_SQUASHFS_FILE_SIZE' });
    }));

  it('passes on an error of the stream', () =>
    withPath(async (path) => {
      const broken = async function* (): AsyncGenerator<Uint8Array> {
        yield bytesOf(500, 1);
        throw new Error('layer ends early');
      };
      const failing = build(path, {}, async (store) =>
        directory({ a: file(1000, await store(broken(), 1000)) }),
      );
      await expect(failing).rejects.toThrow('layer ends early');
    }));
});

describe('holes', () => {
  it('take no room and little time', () =>
    withPath(async (path) => {
      const size = 2 ** 37;
      const data = bytesOf(5000, 1);
      await build(path, {}, async (store) => {
        const chunks = [{ hole: 5 * 2 ** 30 + 77 }, data, { hole: size - 5 * 2 ** 30 - 77 - 5000 }];
        return directory({
          big: file(size, await store(stream(chunks), size)),
          none: file(size, await store(stream([{ hole: size }]), size)),
        });
      });
      const { root, fileSize } = await readImage(path, { contents: false });
      const big = root.children?.get('big');
      expect(big?.words).toHaveLength(2 ** 20);
      expect(big?.words?.filter((word) => word !== 0)).toHaveLength(1);
      expect(big?.words?.findIndex((word) => word !== 0)).toBe((5 * 2 ** 30) / 131_072);
      expect(big?.sparse).toBe(size - 131_072);
      expect(root.children?.get('none')?.sparse).toBe(size - 1);
      expect(fileSize).toBeLessThan(300_000);
    }));

  it('and zero blocks are the same', () =>
    withPath(async (path) => {
      const content = Buffer.concat([
        bytesOf(4096, 1),
        Buffer.alloc(3 * 4096),
        bytesOf(4096, 2),
        Buffer.alloc(100),
      ]);
      const { summary } = await build(path, { blockSize: 4096 }, async (store) => {
        const chunks = [
          bytesOf(4096, 1),
          { hole: 5000 },
          Buffer.alloc(3 * 4096 - 5000),
          bytesOf(4096, 2),
          { hole: 100 },
        ];
        const a = await store(content);
        const b = await store(stream(chunks), content.length);
        return directory({ a: file(content.length, a), b: file(content.length, b) });
      });
      const { root } = await readImage(path);
      const a = root.children?.get('a');
      expect(a?.content?.equals(content)).toBe(true);
      expect(a?.sparse).toBe(3 * 4096 + 100);
      expect(a?.words?.map((word) => word === 0)).toEqual([false, true, true, true, false, true]);
      expect(root.children?.get('b')).toMatchObject({ start: a?.start, words: a?.words, sparse: a?.sparse });
      expect(summary.duplicates).toBe(1);
    }));
});

describe('duplicates', () => {
  it('are stored once, large and small', () =>
    withPath(async (path) => {
      const large = bytesOf(1_000_000, 1);
      const other = Buffer.from(large);
      other[999_999] = (other[999_999] as number) ^ 1;
      const small = bytesOf(1000, 2);
      const { summary } = await build(path, { threads: 2 }, async (store) => {
        const refs: number[] = [];
        for (const content of [large, small, large, other, small, large]) refs.push(await store(content));
        return directory(
          Object.fromEntries(
            refs.map((ref, i) => [`f${i}`, file([1e6, 1e3, 1e6, 1e6, 1e3, 1e6][i] as number, ref)]),
          ),
        );
      });
      const { root } = await readImage(path);
      const at = (name: string) => root.children?.get(name);
      expect(summary.duplicates).toBe(3);
      expect(at('f2')?.start).toBe(at('f0')?.start);
      expect(at('f5')?.start).toBe(at('f0')?.start);
      expect(at('f3')?.start).not.toBe(at('f0')?.start);
      expect(at('f3')?.content?.equals(other)).toBe(true);
      expect(at('f5')?.content?.equals(large)).toBe(true);
      expect(at('f4')?.content?.equals(small)).toBe(true);
    }));

  it('are stored as often as they come without dedupe', () =>
    withPath(async (path) => {
      const content = bytesOf(300_000, 1, true);
      const { summary } = await build(path, { dedupe: false }, async (store) =>
        directory({ a: file(300_000, await store(content)), b: file(300_000, await store(content)) }),
      );
      const { root, super: sb } = await readImage(path);
      expect(summary.duplicates).toBe(0);
      expect(sb.flags & FLAG.deduplicated).toBe(0);
      expect(root.children?.get('a')?.start).not.toBe(root.children?.get('b')?.start);
    }));

  it('do not leave their bytes behind at the end of the image', () =>
    withPath(async (path) => {
      const content = bytesOf(3_000_000, 1, true);
      const { summary } = await build(path, {}, async (store) =>
        directory({ a: file(3_000_000, await store(content)), b: file(3_000_000, await store(content)) }),
      );
      expect(summary.bytesWritten).toBeLessThan(3_020_000);
      expect((await readImage(path)).root.children?.get('b')?.content?.equals(content)).toBe(true);
    }));

  it('with equal sizes, block sizes and prefixes stay apart', () =>
    withPath(async (path) => {
      const contents = Array.from({ length: 40 }, (_, i) => {
        const content = bytesOf(20_000, 1, true);
        content[10_001] = i;
        return content;
      });
      await build(path, { blockSize: 4096, compression: 'none' }, async (store) => {
        const names: Record<string, ReturnType<typeof file>> = {};
        for (const [i, content] of contents.entries()) names[`f${i}`] = file(20_000, await store(content));
        return directory(names);
      });
      const { root } = await readImage(path);
      for (const [i, content] of contents.entries())
        expect(root.children?.get(`f${i}`)?.content?.equals(content)).toBe(true);
    }));
});

describe('the bytes of an image', () => {
  it('depend on neither threads nor how contents arrive', () =>
    withPath(async (path) => {
      const contents = Array.from({ length: 120 }, (_, i) =>
        bytesOf(1 + ((i * 65_537) % 500_000), i % 50, i % 3 === 0),
      );
      contents.push(Buffer.concat([bytesOf(10, 1), Buffer.alloc(700_000), bytesOf(10, 2)]));
      const cut = (content: Buffer, size: number) => {
        const chunks = [];
        for (let at = 0; at < content.length; at += size) {
          const part = content.subarray(at, at + size);
          chunks.push(part.every((byte) => byte === 0) ? { hole: part.length } : part);
        }
        return stream(chunks);
      };
      const images: Buffer[] = [];
      for (const [threads, chunk] of [
        [1, 0],
        [4, 0],
        [2, 1000],
        [3, 131_072],
        [4, 300_000],
      ] as const) {
        const out = `${path}-${threads}-${chunk}`;
        await build(out, { threads }, async (store) => {
          const names: Record<string, ReturnType<typeof file>> = {};
          for (const [i, content] of contents.entries()) {
            const ref = await (chunk === 0 ? store(content) : store(cut(content, chunk), content.length));
            names[`f${i}`] = file(content.length, ref);
          }
          return directory(names);
        });
        images.push(await readFile(out));
      }
      expect(images.map((image) => image.equals(images[0] as Buffer))).toEqual(images.map(() => true));
    }));

  it('end with padding to 4 KiB, which does not count', () =>
    withPath(async (path) => {
      const { summary } = await build(path, { time: 1_700_000_000 }, () => directory({}));
      const { super: sb, fileSize, root } = await readImage(path);
      expect(fileSize).toBe(4096);
      expect(summary).toEqual({
        bytesWritten: 4096,
        inodes: 1,
        fragments: 0,
        duplicates: 0,
        timesTruncated: 0,
      });
      expect(sb.modificationTime).toBe(1_700_000_000);
      expect(sb.bytesUsed).toBeLessThan(4096);
      expect(root).toMatchObject({ type: 1, number: 1, nlink: 2, parent: 0, mode: 0o755 });
    }));

  it('say so when there is no export table', () =>
    withPath(async (path) => {
      await build(path, { exports: false }, () => directory({ a: file(0, undefined) }));
      const { super: sb, exports } = await readImage(path);
      expect(exports).toBeUndefined();
      expect(sb.flags & FLAG.exportable).toBe(0);
    }));

  it('carry the flags of an uncompressed image', () =>
    withPath(async (path) => {
      await build(path, { compression: 'none' }, async (store) =>
        directory({ a: file(5000, await store(bytesOf(5000, 1))) }),
      );
      const { super: sb, fragmentSizes, root } = await readImage(path);
      expect(sb.flags).toBe(0x0001 | 0x0002 | 0x0008 | 0x0100 | 0x0800 | 0x0040 | 0x0080 | 0x0200);
      expect(sb.compressor).toBe(1);
      expect(fragmentSizes).toEqual([5000 | (1 << 24)]);
      expect(root.children?.get('a')?.fragment).not.toBe(NO_FRAGMENT);
    }));
});

it('names what is wrong with a ref', () =>
  withPath(async (path) => {
    const wrong = build(path, {}, async (store) => {
      await store(bytesOf(10, 1));
      return directory({
        d: directory({ 'n\u00e9': { type: 'file', size: 11, content: 0, ...PLAIN, xattrs: NO_XATTRS } }),
      });
    });
    await expect(wrong).rejects.toMatchObject({
      code: 'ERR_OCIRENDER_USAGE',
      message: 'd/n\\xe9: a file of 11 bytes has a stored content of 10 bytes',
    });
  }));
