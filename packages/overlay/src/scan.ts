import { setImmediate as turn } from 'node:timers/promises';
import type { InputThreads } from '@ocirender/decompress';
import {
  type ByteString,
  type ContentInfo,
  type DiagnosticHandler,
  displayPath,
  type Entry,
  isOcirenderError,
  type Layer,
  LimitError,
  type Metadata,
  OcirenderError,
  type Placement,
  type SinkSession,
  type SourceLayer,
  throwIfAborted,
  type Xattrs,
} from '@ocirender/interface';
import { heldEntryBytes } from '@ocirender/tar-header';
import { contentOf } from './content-source.ts';
import { EmittedPathTracker } from './emitted-path-tracker.ts';
import { type GivenContent, giveContents, NO_BYTES } from './give-contents.ts';
import { HardLinkTracker, type PendingLink } from './hard-link-tracker.ts';
import { Journal, type RecordKind } from './journal.ts';
import { type LayerHeaders, type LayerMemory, layerKey, readingLimits } from './layer-memory.ts';
import { inLayer } from './layer-stream.ts';
import type { MergeLimits } from './limits.ts';
import { linkProblem } from './link-problem.ts';
import { cleanPath, pathDepth } from './path.ts';
import type { MergePolicy } from './policy.ts';
import { concernsOutput, readLayer } from './read-layer.ts';
import { nameContent } from './settle.ts';
import { nameMeaning } from './whiteout.ts';
import { WhiteoutTracker } from './whiteout-tracker.ts';
import { XattrPool } from './xattr-pool.ts';

/** Where GNU tar and Red Hat's tools put a label that container runtimes do not read; `SCHILY.xattr.security.selinux` they do. */
const SELINUX_RECORD = 'RHT.security.selinux';

/** "No id" to Linux (`(uid_t)-1`): `chown` cannot set it, and it is shown as the overflow id. */
const OVERFLOW_ID = 0xffff_ffff;

/** Headers that are recalled without a look at the event loop: some tens of milliseconds. */
const RECALLED_AT_ONCE = 4096;

/** What a session is told of a content, by the record of its journal. */
type MemberInfo = ContentInfo & { readonly member: number };

/** What a scan needs. */
export interface ScanOptions {
  readonly policy: MergePolicy;
  readonly limits: MergeLimits;
  readonly threads: InputThreads;
  /** Where contents go; undefined for a scan of headers only. */
  readonly session: SinkSession | undefined;
  /** Where what layers say is kept. */
  readonly cache?: LayerMemory;
  /** Whether contents that only the newest layer hides are given to the session, to be recorded. @defaultValue false */
  readonly recordsHidden?: boolean;
  /** Whether the output has the PAX records that nobody interprets. @defaultValue false */
  readonly keepsPax?: boolean;
  readonly signal?: AbortSignal;
  readonly diagnose: DiagnosticHandler;
  readonly onBytes?: (layer: number, bytes: number) => void;
}

/**
 * Reads layers newest first: every header goes to a journal, and contents that may be seen go to the sink at once.
 *
 * What the trackers say is only a guess at what the replay will find: a content that was stored in vain is waste, one
 * that was skipped in vain is read again. Neither can make the result wrong.
 */
export class Scanner {
  readonly #options: ScanOptions;
  readonly #whiteouts = new WhiteoutTracker();
  readonly #emitted = new EmittedPathTracker();
  readonly #links = new HardLinkTracker();
  /** What would be hidden without the newest layer; for those who record. */
  #below: { readonly whiteouts: WhiteoutTracker; readonly emitted: EmittedPathTracker } | undefined;
  readonly #xattrs = new XattrPool();
  #entries = 0;
  #tarBytes = 0;
  #fileBytes = 0;
  #metadataBytes = 0;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  /**
   * Reads one layer.
   *
   * @param layer - newer than those still to come
   * @param source - what the session is told of the layer
   * @returns its journal, and whether the layer's tar is the one that its diff_id names
   * @throws {OcirenderError} for whatever is wrong with the layer; digest mismatches before everything else
   */
  async scan(layer: Layer, source: SourceLayer): Promise<{ journal: Journal; isGenuine: boolean }> {
    const journal = new Journal(this.#xattrs);
    const isGenuine = await this.#read(layer, source, journal);
    this.#endLayer(journal);
    return { journal, isGenuine };
  }

  /**
   * Takes one layer from its headers, which were read before. Contents that may be seen are announced to the session: as a rule it
   * needs no bytes of them, since it does not look at contents, or what it makes of them is kept. Else the layer is read.
   *
   * @param headers - of the layer
   * @param layer - newer than those still to come
   * @param source - what the session is told of the layer
   * @returns its journal, and whether the layer was read after all
   * @throws {OcirenderError} as {@link scan}, for what entries say
   */
  async recall(
    headers: LayerHeaders,
    layer: Layer,
    source: SourceLayer,
  ): Promise<{ journal: Journal; wasRead: boolean }> {
    const { session } = this.#options;
    const journal = new Journal(this.#xattrs);
    const rest = await this.#recallHeaders(headers, layer, source, journal);
    const wasRead =
      session !== undefined && rest.size > 0 ? await this.#give(rest, layer, source, journal) : false;
    this.#endLayer(journal);
    return { journal, wasRead };
  }

  /** Journals the headers of a layer, and announces contents up to the first that needs its bytes; gives that and those behind it. */
  async #recallHeaders(
    headers: LayerHeaders,
    layer: Layer,
    source: SourceLayer,
    journal: Journal,
  ): Promise<Map<number, MemberInfo>> {
    const { limits, session, signal } = this.#options;
    const diagnose = this.#diagnoser(layer);
    const rest = new Map<number, MemberInfo>();
    try {
      if (headers.tarBytes > limits.totalBytes - this.#tarBytes)
        throw new LimitError('totalBytes', limits.totalBytes, 'the image has too many bytes');
      let events = 0;
      for (const event of headers.events()) {
        if (++events % RECALLED_AT_ONCE === 0) {
          // A signal could not arrive meanwhile.
          await turn();
          throwIfAborted(signal);
        }
        if (event.type === 'diagnostic') {
          diagnose(event);
          continue;
        }
        const info = this.#record(event.entry, journal, diagnose, source);
        if (info === undefined || session === undefined) continue;
        const needsBytes = session.ignoresContents !== true && source.kept?.has(info.member) !== true;
        if (needsBytes || rest.size > 0) {
          rest.set(info.member, info);
          continue;
        }
        const ref = session.write(NO_BYTES, info);
        journal.setRef(info.member, typeof ref === 'number' ? ref : await ref);
      }
    } catch (error) {
      throw isOcirenderError(error) && !concernsOutput(error) ? inLayer(error, layer.digest) : error;
    }
    journal.tarBytes = headers.tarBytes;
    return rest;
  }

  #give(
    contents: Map<number, MemberInfo>,
    layer: Layer,
    source: SourceLayer,
    journal: Journal,
  ): Promise<boolean> {
    const { limits, threads, session, signal, onBytes } = this.#options;
    const given: GivenContent<MemberInfo> = {
      session: session!,
      info: (info) => info,
      stored: (info, ref) => journal.setRef(info.member, ref),
    };
    return giveContents(layer, contents, source, given, {
      limits,
      threads,
      isChecked: false,
      ...(signal === undefined ? {} : { signal }),
      ...(onBytes === undefined ? {} : { onBytes: (bytes: number) => onBytes(source.index, bytes) }),
    });
  }

  /** Reads a layer; tells whether its tar is the one that its diff_id names. */
  async #read(layer: Layer, source: SourceLayer, journal: Journal): Promise<boolean> {
    const { index } = source;
    const { limits, threads, session, signal, onBytes, cache } = this.#options;
    const diagnose = this.#diagnoser(layer);
    const key = layerKey(layer);
    const recorder = key === undefined ? undefined : cache?.recordHeaders(key, readingLimits(limits));
    const isGenuine = await readLayer(
      layer,
      {
        limits,
        threads,
        maxOutputBytes: limits.totalBytes - this.#tarBytes,
        lenient: this.#options.policy.lenient,
        ...(signal === undefined ? {} : { signal }),
        diagnose,
        ...(onBytes === undefined ? {} : { onBytes: (bytes: number) => onBytes(index, bytes) }),
      },
      async (stream) => {
        for (;;) {
          const event = stream.poll();
          if (event === undefined) {
            if (!(await stream.fill())) break;
          } else if (event.type === 'entry') {
            recorder?.add(event);
            const shown = this.#record(event.entry, journal, diagnose, source);
            if (session === undefined) continue;
            const info = shown ?? this.#spareInfo(event.entry, journal, source);
            if (info === undefined) continue;
            if (session.ignoresContents === true) {
              journal.setRef(info.member, nameContent(session, info));
              continue;
            }
            const content = contentOf(stream, event.entry);
            const stored = session.write(content instanceof Promise ? await content : content, info);
            const ref = typeof stored === 'number' ? stored : await stored;
            if (shown !== undefined) journal.setRef(info.member, ref);
          } else if (event.type === 'diagnostic') {
            recorder?.add(event);
            diagnose(event);
          }
        }
        journal.tarBytes = stream.tarBytes;
      },
    );
    // Of a diff_id that was let pass although it is wrong, nothing is known.
    if (isGenuine) await recorder?.commit(journal.tarBytes);
    return isGenuine;
  }

  #diagnoser(layer: Layer): DiagnosticHandler {
    return (diagnostic) => this.#options.diagnose({ layer: layer.digest, ...diagnostic });
  }

  #endLayer(journal: Journal): void {
    this.#tarBytes += journal.tarBytes;
    this.#whiteouts.endLayer();
    this.#emitted.endLayer();
    this.#links.endLayer();
    this.#below?.whiteouts.endLayer();
    this.#below?.emitted.endLayer();
    if (this.#options.recordsHidden === true)
      this.#below ??= { whiteouts: new WhiteoutTracker(), emitted: new EmittedPathTracker() };
  }

  /** Journals an entry; gives what a session is told of its content, when that should be stored. */
  #record(
    entry: Entry,
    journal: Journal,
    diagnose: DiagnosticHandler,
    layer: SourceLayer,
  ): MemberInfo | undefined {
    const path = this.#path(entry.path, diagnose);
    this.#checkLimits(path, entry);
    const meaning = nameMeaning(path);
    if (meaning.kind === 'aufs') {
      diagnose({
        code: 'aufs-metadata-dropped',
        message: `AUFS bookkeeping "${displayPath(path)}" dropped`,
        path,
      });
      journal.append('ignored', path, '', entry);
      return undefined;
    }
    if (meaning.kind === 'whiteout') {
      this.#marker('whiteout', meaning.path, entry, journal);
      return undefined;
    }
    if (meaning.kind === 'opaque') {
      journal.append('opaque', meaning.path, '', entry);
      this.#whiteouts.opaque(meaning.path);
      this.#below?.whiteouts.opaque(meaning.path);
      return undefined;
    }
    if (entry.type === 'character-device' && entry.devMajor === 0 && entry.devMinor === 0) {
      if (this.#whiteoutDevice(path, entry, journal, diagnose)) return undefined;
    }
    if (entry.uid === OVERFLOW_ID || entry.gid === OVERFLOW_ID) {
      const message = `"${displayPath(path)}": owner ${entry.uid}:${entry.gid}; Linux shows the id ${OVERFLOW_ID} as 65534`;
      diagnose({ code: 'overflow-id', message, path });
    }
    if (entry.type === 'symlink' || entry.type === 'hardlink') {
      const repair = linkProblem(entry, path);
      if (repair !== undefined) {
        if (!this.#options.policy.lenient) throw repair.error;
        diagnose({ code: repair.code, message: `${repair.error.message}: dropped`, path });
        journal.append('ignored', path, '', entry);
        return undefined;
      }
    }
    if (entry.extraPax?.has(SELINUX_RECORD) === true && this.#options.keepsPax !== true) {
      const message = `"${displayPath(path)}": the SELinux label of the PAX record ${SELINUX_RECORD} is left out: only tar keeps it`;
      diagnose({ code: 'pax-record-ignored', message, path });
    }
    entry.xattrs = this.#keepXattrs(entry.xattrs, path, diagnose);
    const target = entry.type === 'hardlink' ? this.#path(entry.linkTarget, diagnose) : entry.linkTarget;
    const record = journal.append(entry.type, path, target, entry);
    if (entry.xattrs.size > 0) this.#checkMetadata(path);
    const hidden = this.#whiteouts.hides(path) || this.#emitted.hides(path);
    const link = this.#links.linkTo(path);
    // Nothing follows the oldest layer, so what it holds need not be remembered.
    if (layer.index > 0) {
      this.#emitted.add(path, entry.type === 'directory');
      this.#below?.emitted.add(path, entry.type === 'directory');
      this.#links.bind(path);
    }
    if (hidden && link === undefined) return undefined;
    if (entry.type === 'hardlink')
      this.#links.link(target, hidden && link !== undefined ? link : { path, metadata: entry });
    if (entry.type !== 'file' || entry.size === 0) return undefined;
    const placement = placementOf(path, entry, hidden, link);
    if (link !== undefined) journal.linkedPlacements.set(record, placement);
    const { size, extents } = entry;
    return { size, ...(extents === undefined ? {} : { extents }), placement, layer, member: record };
  }

  /**
   * What a session is told of a content that is hidden, but worth recording: only the newest layer hides it, which is the one that is
   * replaced most often.
   */
  #spareInfo(entry: Entry, journal: Journal, layer: SourceLayer): MemberInfo | undefined {
    const { type, size, extents } = entry;
    const member = journal.length - 1;
    if (layer.recorder === undefined || this.#below === undefined || type !== 'file' || size === 0)
      return undefined;
    const path = journal.path(member);
    const isHidden = this.#below.whiteouts.hides(path) || this.#below.emitted.hides(path);
    if (isHidden || journal.kind(member) !== 'file' || layer.kept?.has(member) === true) return undefined;
    return {
      size,
      ...(extents === undefined ? {} : { extents }),
      placement: { path, metadata: entry },
      layer,
      member,
      isSpare: true,
    };
  }

  #marker(kind: RecordKind, path: ByteString, entry: Entry, journal: Journal): void {
    journal.append(kind, path, '', entry);
    this.#whiteouts.whiteout(path);
    this.#below?.whiteouts.whiteout(path);
    this.#links.bind(path);
  }

  #path(spelled: ByteString, diagnose: DiagnosticHandler): ByteString {
    const { path, escapes } = cleanPath(spelled);
    if (!escapes) return path;
    const shown = displayPath(spelled);
    if (!this.#options.policy.lenient) {
      throw new OcirenderError('ERR_OCIRENDER_PATH_ESCAPE', `"${shown}" climbs out of the root`, {
        hint: 'Container runtimes clamp such names at the root; --lenient does the same.',
      });
    }
    diagnose({ code: 'path-clamped', message: `"${shown}" climbs out of the root: clamped`, path });
    return path;
  }

  #checkLimits(path: ByteString, entry: Entry): void {
    const { limits } = this.#options;
    if (++this.#entries > limits.entries) {
      throw new LimitError('entries', limits.entries, 'the image has too many entries');
    }
    if (path.length > limits.pathBytes || entry.linkTarget.length > limits.pathBytes) {
      throw new LimitError('pathBytes', limits.pathBytes, `"${displayPath(path.slice(0, 80))}…" is too long`);
    }
    if (path.length > limits.pathDepth && pathDepth(path) > limits.pathDepth) {
      throw new LimitError('pathDepth', limits.pathDepth, `"${displayPath(path.slice(0, 80))}…" is too deep`);
    }
    this.#metadataBytes += heldEntryBytes(entry, path);
    this.#checkMetadata(path);
    this.#fileBytes += entry.size;
    if (this.#fileBytes > limits.totalBytes) {
      throw new LimitError(
        'totalBytes',
        limits.totalBytes,
        `"${displayPath(path)}": the image's files are too large`,
      );
    }
  }

  /** Equal sets of attributes are kept, and count, once. */
  #checkMetadata(path: ByteString): void {
    const { metadataBytes } = this.#options.limits;
    if (this.#metadataBytes + this.#xattrs.heldBytes <= metadataBytes) return;
    const shown = displayPath(path.slice(0, 80));
    throw new LimitError(
      'metadataBytes',
      metadataBytes,
      `"${shown}": the image's names and attributes are too large`,
    );
  }

  /** Applies the policy for character devices 0:0; true when the entry is dealt with. */
  #whiteoutDevice(path: ByteString, entry: Entry, journal: Journal, diagnose: DiagnosticHandler): boolean {
    const shown = displayPath(path);
    switch (this.#options.policy.whiteoutDevices) {
      case 'error':
        throw new OcirenderError('ERR_OCIRENDER_CONFLICT', `"${shown}" is a character device 0:0`, {
          hint: 'It is an overlayfs whiteout; choose --whiteout-devices=delete or keep.',
        });
      case 'keep':
        return false;
      case 'delete':
        diagnose({
          code: 'whiteout-device',
          message: `character device 0:0 "${shown}" taken as a whiteout`,
          path,
        });
        this.#marker('whiteout', path, entry, journal);
        return true;
    }
  }

  #keepXattrs(xattrs: Xattrs, path: ByteString, diagnose: DiagnosticHandler): Xattrs {
    const { policy } = this.#options;
    if (xattrs.size === 0 || policy.xattrs === 'keep-overlay') return xattrs;
    if (policy.xattrs === 'none') return new Map();
    const dropped = [...xattrs.keys()].filter((name) => /^(?:trusted|user)\.overlay\./.test(name));
    if (dropped.length === 0) return xattrs;
    diagnose({
      code: 'overlay-xattr-dropped',
      message: `"${displayPath(path)}": ${dropped.map(displayPath).join(', ')} dropped`,
      path,
    });
    return new Map([...xattrs].filter(([name]) => !dropped.includes(name)));
  }
}

function placementOf(
  path: ByteString,
  entry: Entry,
  hidden: boolean,
  link: PendingLink | undefined,
): Placement {
  const pax = entry.extraPax === undefined ? {} : { extraPax: entry.extraPax };
  if (link === undefined) return { path, metadata: entry, ...pax };
  const metadata: Metadata = { ...entry, ...linkedMetadata(entry, link.metadata) };
  return { path: hidden ? link.path : path, metadata, ...pax };
}

/**
 * Gives the metadata of an inode after a hard link entry was applied to it.
 *
 * @param inode - the inode's metadata so far
 * @param link - the link entry's
 * @returns mode, ids and time of the link; the attributes of both, the link's winning
 */
export function linkedMetadata(inode: Metadata, link: Metadata): Metadata {
  return {
    mode: link.mode,
    uid: link.uid,
    gid: link.gid,
    mtime: link.mtime,
    mtimeNs: link.mtimeNs,
    xattrs: link.xattrs.size === 0 ? inode.xattrs : new Map([...inode.xattrs, ...link.xattrs]),
  };
}
