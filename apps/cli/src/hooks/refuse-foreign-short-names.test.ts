import { expect, test, vi } from 'vitest';
import refuse from './refuse-foreign-short-names.ts';

type Options = Parameters<typeof refuse>[0];

const CONFIG = {
  bin: 'ocirender',
  plugins: new Map([
    ['@ocirender/sink-tar', { type: 'core' }],
    ['@ocirender/sink-erofs', { type: 'user' }],
  ]),
};

async function install(plugin: Options['plugin']): Promise<string | undefined> {
  const error = vi.fn((_message: string, _options?: { exit: number }): never => {
    throw new Error('stopped');
  });
  const context = { error } as unknown as ThisParameterType<typeof refuse>;
  try {
    await refuse.call(context, { plugin, config: CONFIG } as unknown as Options);
  } catch {
    expect(error.mock.calls[0]?.[1]).toEqual({ exit: 2 });
  }
  return error.mock.calls[0]?.[0];
}

test('a short name that is not ours is refused', async () => {
  expect(await install({ type: 'npm', name: 'erofs', tag: 'latest' })).toMatch(
    /^there is no plugin @ocirender\/sink-erofs, or the registry cannot be reached\./,
  );
});

test('scoped names and repositories are not', async () => {
  expect(await install({ type: 'npm', name: '@ocirender/sink-erofs', tag: 'latest' })).toBeUndefined();
  expect(await install({ type: 'npm', name: '@me/sink-cpio', tag: '1.0.0' })).toBeUndefined();
  expect(await install({ type: 'repo', url: 'https://github.com/me/sink-cpio' })).toBeUndefined();
});

test('what is bundled is not installed once more', async () => {
  for (const name of ['tar', '@ocirender/sink-tar']) {
    expect(await install({ type: 'npm', name, tag: 'latest' })).toBe(
      '@ocirender/sink-tar comes with ocirender: there is nothing to install',
    );
  }
});
