import { NO_XATTRS } from '@ocirender/interface';
import { describe, expect, it } from 'vitest';
import { EmittedPathTracker } from './emitted-path-tracker.ts';
import { HardLinkTracker } from './hard-link-tracker.ts';
import { WhiteoutTracker } from './whiteout-tracker.ts';

const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, xattrs: NO_XATTRS };

describe('WhiteoutTracker', () => {
  it('hides the path and all below it, from the next layer on', () => {
    const tracker = new WhiteoutTracker();
    tracker.whiteout('a/b');
    expect(tracker.hides('a/b')).toBe(false);
    tracker.endLayer();
    expect(['a/b', 'a/b/c', 'a/b/c/d', 'a', 'a/bc', 'b'].map((path) => tracker.hides(path))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('hides what is below an opaque directory, not the directory', () => {
    const tracker = new WhiteoutTracker();
    tracker.opaque('d');
    tracker.endLayer();
    expect(['d', 'd/x', 'd/x/y', 'e'].map((path) => tracker.hides(path))).toEqual([false, true, true, false]);
  });

  it('leaves open what is below the first 64 directories: it may cost bytes, not time', () => {
    const tracker = new WhiteoutTracker();
    const deep = 'd/'.repeat(70);
    tracker.whiteout(`${deep}x`);
    tracker.whiteout('e/e/e');
    tracker.endLayer();
    expect([`${deep}x`, `${deep}x/y`, `e/e/e/${deep}y`].map((path) => tracker.hides(path))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('hides everything below an opaque root', () => {
    const tracker = new WhiteoutTracker();
    tracker.opaque('');
    tracker.endLayer();
    expect(tracker.hides('anything')).toBe(true);
  });

  it('forgets what it remembered about a parent when a layer ends', () => {
    const tracker = new WhiteoutTracker();
    tracker.whiteout('z');
    tracker.endLayer();
    expect(tracker.hides('a/x')).toBe(false);
    tracker.whiteout('a');
    tracker.endLayer();
    expect(tracker.hides('a/x')).toBe(true);
  });
});

describe('EmittedPathTracker', () => {
  it('hides the same path and what lies below a non-directory, from the next layer on', () => {
    const tracker = new EmittedPathTracker();
    tracker.add('a', false);
    tracker.add('d', true);
    expect(tracker.hides('a')).toBe(false);
    tracker.endLayer();
    expect(['a', 'a/x', 'd', 'd/x', 'b'].map((path) => tracker.hides(path))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('HardLinkTracker', () => {
  const link = { path: 'b', metadata };

  it('keeps a target alive for older layers until an entry of its name binds it', () => {
    const tracker = new HardLinkTracker();
    tracker.link('a', link);
    tracker.endLayer();
    expect(tracker.linkTo('a')).toBe(link);
    tracker.bind('a');
    expect(tracker.linkTo('a')).toBe(link);
    tracker.endLayer();
    expect(tracker.linkTo('a')).toBeUndefined();
  });

  it('does not let a layer settle its own links', () => {
    const tracker = new HardLinkTracker();
    tracker.bind('a');
    tracker.link('a', link);
    tracker.endLayer();
    expect(tracker.linkTo('a')).toBe(link);
  });

  it('knows the links of the current layer at once', () => {
    const tracker = new HardLinkTracker();
    tracker.link('a', link);
    expect(tracker.linkTo('a')).toBe(link);
  });
});
