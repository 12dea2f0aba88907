import { defineSink, type Sink } from '@ocirender/interface';
import { describe, expect, test } from 'vitest';
import type { PluginLike } from '../plugins/catalog.ts';
import { suggest } from '../suggest.ts';
import { readSinkCatalog, type SinkEntry } from './catalog.ts';
import { chooseSink } from './choose-sink.ts';

function plugin(name: string, sinks: Record<string, unknown>, more: Partial<PluginLike> = {}): PluginLike {
  const pjson = { ocirender: { interface: 1, sinks } };
  return { name, version: '1.0.0', type: 'user', root: `/plugins/${name}`, pjson, ...more };
}

const declare = (extensions?: string[]): object => ({
  module: './sink.js',
  export: 'sink',
  summary: 'S',
  extensions,
});

function fakeSink(name: string, extensions: string[]): Sink {
  const open = (): Promise<never> => Promise.reject(new Error('never opened'));
  return defineSink({ name, summary: 'S', extensions, outputs: ['file'], options: {}, open });
}

/** A loader that notes what it was asked for. */
function loader(sinks: Record<string, Sink>): {
  loaded: string[];
  load: (entry: SinkEntry) => Promise<Sink>;
} {
  const loaded: string[] = [];
  return {
    loaded,
    load(entry) {
      loaded.push(entry.name);
      const sink = sinks[entry.name];
      return sink === undefined ? Promise.reject(new Error('broken module')) : Promise.resolve(sink);
    },
  };
}

describe('readSinkCatalog', () => {
  test('reads declarations, ignores other plugins, puts bundled ones first', () => {
    const { sinks, broken } = readSinkCatalog([
      plugin('b', { two: declare(['.2']) }),
      plugin('@oclif/plugin-help', {}, { pjson: {} }),
      plugin('z', { one: declare() }, { type: 'core' }),
    ]);
    expect(broken).toEqual([]);
    expect(sinks).toEqual([
      {
        name: 'one',
        summary: 'S',
        plugin: { name: 'z', version: '1.0.0', bundled: true },
        root: '/plugins/z',
        module: './sink.js',
        export: 'sink',
      },
      {
        name: 'two',
        summary: 'S',
        plugin: { name: 'b', version: '1.0.0', bundled: false },
        root: '/plugins/b',
        module: './sink.js',
        export: 'sink',
        extensions: ['.2'],
      },
    ]);
  });

  test.each([
    ['no object', 5, 'the key "ocirender" of its package.json is not an object'],
    ['no version', { sinks: {} }, '"ocirender.interface" of its package.json is not a whole number'],
    ['no sinks', { interface: 1 }, '"ocirender.sinks" of its package.json is not an object'],
    [
      'a newer one',
      { interface: 2, sinks: {} },
      'it is made for interface 2, this is interface 1: update ocirender',
    ],
    [
      'an older one',
      { interface: 0, sinks: {} },
      'it is made for interface 0, this is interface 1: update the plugin',
    ],
    ['a bad name', { interface: 1, sinks: { A_B: declare() } }, 'its name "A_B" is not kebab-case'],
    [
      'no module',
      { interface: 1, sinks: { a: {} } },
      '"ocirender.sinks.a" of its package.json lacks "module" or "export"',
    ],
    [
      'no declaration',
      { interface: 1, sinks: { a: null } },
      '"ocirender.sinks.a" of its package.json is not an object',
    ],
  ])('refuses %s and keeps the others', (_name, ocirender, reason) => {
    const bad = plugin('bad', {}, { pjson: { ocirender } });
    const { sinks, broken } = readSinkCatalog([bad, plugin('good', { fine: declare() })]);
    expect(broken.map((item) => item.reason)).toEqual([reason]);
    expect(sinks.map((item) => item.name)).toEqual(['fine']);
  });

  test('the sinks of another interface are named', () => {
    const pjson = { ocirender: { interface: 2, sinks: { a: declare(), b: { new: 'shape' } } } };
    const { sinks, broken } = readSinkCatalog([plugin('future', {}, { pjson })]);
    expect(sinks).toEqual([]);
    expect(broken.map(({ name, reason }) => [name, reason.slice(0, 28)])).toEqual([
      ['a', 'it is made for interface 2, '],
      ['b', 'it is made for interface 2, '],
    ]);
  });

  test('the same name twice: the bundled one wins, in any order', () => {
    const bundled = plugin('z-bundled', { tar: declare() }, { type: 'core' });
    for (const plugins of [
      [bundled, plugin('a', { tar: declare() })],
      [plugin('a', { tar: declare() }), bundled],
    ]) {
      const { sinks, broken } = readSinkCatalog(plugins);
      expect(sinks.map((item) => item.plugin.name)).toEqual(['z-bundled']);
      expect(broken.map(({ name, plugin: { name: from } }) => [name, from])).toEqual([['tar', 'a']]);
    }
  });
});

describe('chooseSink', () => {
  const catalog = readSinkCatalog([
    plugin('p1', { one: declare(['.one', '.uno']) }),
    plugin('p2', { two: declare() }),
    plugin('p3', { broken: declare() }),
    plugin('p4', { four: declare() }, { pjson: { ocirender: { interface: 1, sinks: { four: {} } } } }),
  ]);
  const sinks = { one: fakeSink('one', ['.one', '.uno']), two: fakeSink('two', ['.two']) };

  test('by name: loads only that one', async () => {
    const { loaded, load } = loader(sinks);
    expect((await chooseSink(catalog, 'two', 'x.one', load)).sink).toBe(sinks.two);
    expect(loaded).toEqual(['two']);
  });

  test('by a declared ending: loads only that one', async () => {
    const { loaded, load } = loader(sinks);
    expect((await chooseSink(catalog, undefined, 'dir.two/X.UNO', load)).sink).toBe(sinks.one);
    expect(loaded).toEqual(['one']);
  });

  test('by an ending that only the module knows, past broken ones', async () => {
    expect((await chooseSink(catalog, undefined, 'a.two', loader(sinks).load)).sink).toBe(sinks.two);
  });

  test.each([
    [
      'a misspelt name',
      'tow',
      undefined,
      'no sink "tow" is installed',
      'Did you mean "two"? Installed: one, two, broken.',
    ],
    ['a strange name', 'ext4', undefined, 'no sink "ext4" is installed', 'Installed: one, two, broken.'],
    [
      'a broken module',
      'broken',
      undefined,
      'the sink broken of plugin p3 1.0.0 cannot be used',
      'plugins uninstall p3',
    ],
    [
      'a bad declaration',
      'four',
      undefined,
      'cannot be used: "ocirender.sinks.four"',
      'plugins uninstall p4',
    ],
    ['an unknown ending', undefined, 'a.iso', 'the name "a.iso" does not say which sink', '--sink NAME'],
    [
      'neither',
      undefined,
      undefined,
      'where to? The argument OUTPUT is missing',
      'Installed: one, two, broken.',
    ],
    ['standard output', undefined, '-', 'which sink? --sink NAME is missing', 'Installed: one, two, broken.'],
  ])('refuses %s', async (_case, name, output, message, hint) => {
    await expect(chooseSink(catalog, name, output, loader(sinks).load)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_OCIRENDER_(UNKNOWN_SINK|USAGE)$/),
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });
});

test('suggest finds near words only', () => {
  const words = ['squashfs', 'tar', 'dir'];
  expect([
    suggest('sqashfs', words),
    suggest('tra', words),
    suggest('squash', words),
    suggest('erofs', words),
  ]).toEqual(['squashfs', 'tar', 'squashfs', undefined]);
});
