import { endianness } from 'node:os';

/** A function of libc. */
export type Call = (...args: readonly (number | bigint | Uint8Array | BigInt64Array | null)[]) => number;

/** Finds a function by its name and koffi's words for its types; throws when there is none. */
export type Bind = (name: string, result: string, parameters: string[]) => Call;

/** What a function gave that ran in another thread. */
export interface AsyncResult {
  readonly value: number;
  /** The error of that call. */
  readonly errno: number;
}

/** As {@link Bind}, for calls that take long. */
export type BindAsync = (
  name: string,
  result: string,
  parameters: string[],
) => (...args: readonly number[]) => Promise<AsyncResult>;

/** The C library. */
export interface Library {
  readonly bind: Bind;
  readonly bindAsync: BindAsync;
  /** The error of the last call. */
  readonly errno: () => number;
}

/**
 * Loads the C library.
 *
 * @throws {Error} where that cannot be: not a 64-bit Linux, or no binary of koffi for it
 */
export async function loadLibrary(): Promise<Library> {
  if (process.platform !== 'linux') throw new Error(`the operating system is ${process.platform}`);
  const { default: koffi } = await import('koffi');
  if (koffi.sizeof('long') !== 8) throw new Error('the process is not a 64-bit one');
  const library = loadFirst(koffi.load, ['libc.so.6', `libc.musl-${muslArchitecture()}.so.1`, 'libc.so']);
  return {
    bind: (name, result, parameters) => library.func(name, result, parameters) as Call,
    bindAsync: (name, result, parameters) => {
      const call = library.func(name, result, parameters);
      return (...args) =>
        new Promise((resolve, reject) => {
          call.async(...args, (error: Error | null, value: number) => {
            if (error === null) resolve({ value, errno: koffi.errno() });
            else reject(error);
          });
        });
    },
    errno: () => koffi.errno(),
  };
}

function loadFirst<T>(load: (name: string) => T, names: readonly string[]): T {
  let failure: unknown;
  for (const name of names) {
    try {
      return load(name);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function muslArchitecture(): string {
  if (process.arch === 'ppc64' && endianness() === 'LE') return 'powerpc64le';
  return { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
}
