/** What happens while talking to a registry. */
export type RegistryEvent =
  | RegistryManifestEvent
  | RegistryBlobStartEvent
  | RegistryBlobBytesEvent
  | RegistryBlobEndEvent
  | RegistryRetryEvent
  | RegistryWaitingEvent
  | RegistryMirrorEvent
  | RegistryUnverifiedEvent
  | RegistryWarningEvent
  | RegistryAliasEvent;

/** An index or manifest has arrived and is verified. */
export interface RegistryManifestEvent {
  readonly type: 'manifest';
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly kind: 'index' | 'manifest';
  /** Host that served it. */
  readonly host: string;
}

/** A blob's first byte (or its byte `offset`, when a part is there already) is asked for. */
export interface RegistryBlobStartEvent {
  readonly type: 'blob-start';
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly offset: number;
}

/** More of a blob has arrived. */
export interface RegistryBlobBytesEvent {
  readonly type: 'blob-bytes';
  readonly digest: string;
  /** Position in the blob: bytes that are there now. */
  readonly bytes: number;
}

/** A blob is complete and its digest is right. */
export interface RegistryBlobEndEvent {
  readonly type: 'blob-end';
  readonly digest: string;
}

/** Something failed and is tried again. */
export interface RegistryRetryEvent {
  readonly type: 'retry';
  /** What was asked for, for example `blob sha256:…`. */
  readonly what: string;
  /** Host that failed. */
  readonly host: string;
  /** Failures in a row so far. */
  readonly attempt: number;
  /** Wait in milliseconds. */
  readonly delayMs: number;
  readonly reason: string;
}

/** A server has sent nothing for a while, and is waited for. */
export interface RegistryWaitingEvent {
  readonly type: 'waiting';
  /** Address without its query. */
  readonly where: string;
  /** Milliseconds of silence so far. */
  readonly waitedMs: number;
  /** Milliseconds of silence after which the request is given up. */
  readonly limitMs: number;
}

/** A mirror is given up for the next one or for the registry itself. */
export interface RegistryMirrorEvent {
  readonly type: 'mirror-failed';
  readonly what: string;
  readonly host: string;
  readonly reason: string;
}

/** The certificate of a server is not going to be checked, because somebody wants it so. */
export interface RegistryUnverifiedEvent {
  readonly type: 'unverified';
  readonly host: string;
  /** The option, or the file, that wants it so. */
  readonly because: string;
}

/** A server has something to say to people; each text once. */
export interface RegistryWarningEvent {
  readonly type: 'warning';
  readonly host: string;
  /** On one line, without control characters. */
  readonly text: string;
}

/** A name without a host means another one on this machine. */
export interface RegistryAliasEvent {
  readonly type: 'alias';
  readonly name: string;
  readonly meaning: string;
  /** The `registries.conf` that says so. */
  readonly file: string;
}

/** Takes events as they occur. Must not throw. */
export type RegistryEventHandler = (event: RegistryEvent) => void;
