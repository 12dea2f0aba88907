import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import type { Readable } from 'node:stream';
import { afterAll, afterEach } from 'vitest';
import { OcirenderError } from './packages/interface/src/errors.ts';

// No credential leaves, over the whole suite: whatever any program prints that a test starts, and whatever any error
// says that a test meets, is searched for the credentials that the tests use. A test in which one is found fails.

/** The passwords and tokens of the suite, and what they look like on their way. */
const SECRETS = [
  'secret:word', // packages/registry
  's3cret', // apps/cli/test/failures.test.ts
  'my-secret',
  'pa55-Phrase', // e2e/credentials-stay
  'ident1ty-t0ken-of-somebody',
  'pr0xy-Phrase',
  'X-Amz-Signature=5ec7e7',
  'pass word', // e2e/registry
].flatMap((secret) => [secret, encodeURIComponent(secret), inBase64(secret), inBase64(`someone:${secret}`)]);

/** A header with any credential, however it is written down. */
const HEADER = /authorization\W{1,6}(?:basic|bearer) [\w+/.-]{8,}/i;

/** Of what a program prints, this much is searched; only archives are longer. */
const SEARCHED = 4 << 20;

const found: string[] = [];
let errors: OcirenderError[] = [];

function inBase64(text: string): string {
  return Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1);
}

function search(text: string, where: string): void {
  const secret = SECRETS.find((candidate) => text.includes(candidate)) ?? HEADER.exec(text)?.[0];
  if (secret !== undefined) found.push(`${where} holds ${secret}:\n${text.slice(0, 4000)}`);
}

/** Reads what passes through a stream without a part in who reads it, and when. */
function overhear(stream: Readable, where: string): void {
  const push = stream.push.bind(stream);
  const heard: Buffer[] = [];
  let length = 0;
  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk !== null && length < SEARCHED) {
      heard.push(chunk);
      length += chunk.length;
    }
    if (chunk === null) search(Buffer.concat(heard).toString('latin1'), where);
    return push(chunk, encoding);
  };
}

subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess };
  child.once('spawn', () => {
    const command = child.spawnargs.join(' ').slice(0, 300);
    // Handing them out is what a credential program is for.
    const isHelper = command.startsWith('docker-credential-');
    if (child.stdout !== null && !isHelper) overhear(child.stdout, `standard output of ${command}`);
    if (child.stderr !== null) overhear(child.stderr, `standard error of ${command}`);
  });
});

/** Notes each error as it is made; hints are read later, when the constructor is through. */
class Noted extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    if (errors.length < 10_000) errors.push(this as unknown as OcirenderError);
  }
}
Object.setPrototypeOf(OcirenderError, Noted);

function expectNothingFound(): void {
  for (const error of errors) search(`${error.message}\n${error.hint ?? ''}`, 'an error');
  errors = [];
  if (found.length > 0) throw new Error(`a credential left: ${found.splice(0).join('\n')}`);
}

afterEach(expectNothingFound);
afterAll(expectNothingFound);
