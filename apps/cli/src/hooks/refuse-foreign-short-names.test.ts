import { expect, test, vi } from 'vitest';
import refuse from './refuse-foreign-short-names.ts';

type Options = Parameters<typeof refuse>[0];

async function install(plugin: Options['plugin']): Promise<string | undefined> {
  const error = vi.fn((_message: string, _options?: { exit: number }): never => {
    throw new Error('stopped');
  });
  const context = { error } as unknown as ThisParameterType<typeof refuse>;
  try {
    await refuse.call(context, { plugin } as Options);
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
