import { homedir } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { homeOf } from './home.ts';

vi.mock('node:os', () => ({ homedir: vi.fn(() => '/root') }));
afterEach(() => vi.mocked(homedir).mockImplementation(() => '/root'));

test.each([
  [{ HOME: '/home/x' }, '/home/x'],
  [{ HOME: '', USERPROFILE: 'C:\\Users\\x' }, 'C:\\Users\\x'],
  [{}, '/root'],
])('%j', (environment, home) => {
  expect(homeOf(environment)).toBe(home);
});

test('a user whom the system does not know has none', () => {
  vi.mocked(homedir).mockImplementation(() => {
    throw new Error('uv_os_homedir returned ENOENT');
  });
  expect(homeOf({})).toBe('/nonexistent');
});
