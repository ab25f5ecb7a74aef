// Finds and loads the native module.

/** What a call came to: its number, an error's JSON, an answer's JSON, and the JSON of what its headers say. */
export type Delivery = readonly [number: number, error: string | null, text: string | null, meta: string | null];

export interface NativeEngine {
  keepAlive(alive: boolean): void;
  cancel(number: number): void;
}

export interface NativeClient {
  config(): string;
  notices(): string[];
  call(number: number, name: string, parameters: string, options: string): void;
  mint(number: number, options: string): void;
  stream(): NativeStream;
  close(): void;
}

export interface NativeStream {
  open(number: number, parameters: string, options: string): void;
  next(number: number): void;
  close(): void;
}

export interface NativeLocal {
  start(number: number, options: string): void;
  client(): NativeClient | null;
  close(number: number): void;
  closeNow(): void;
}

export interface NativeModule {
  version(): string;
  Engine: new (deliver: (deliveries: Delivery[]) => void) => NativeEngine;
  Client: new (engine: NativeEngine, options: string) => NativeClient;
  Local: new (engine: NativeEngine) => NativeLocal;
  resolveConfig(options: string): { config: string; notices: string[] };
  detectMode(key: string): string;
  decodeToken(token: string): string;
  signLegacy(options: string): string;
  classifyHttpError(status: number, headers: [string, string][], body: string): string;
}

let loaded: NativeModule | undefined;

/** Returns the native module, which is loaded when it is first needed. */
export function native(): NativeModule {
  return (loaded ??= load());
}

/** Returns the platform packages that fit this machine. npm installs those alone, and of glibc and musl the right one. */
export function platformPackages(platform: string = process.platform, arch: string = process.arch): string[] {
  const kinds = platform === "linux" ? ["-gnu", "-musl"] : platform === "win32" ? ["-msvc"] : [""];
  return kinds.map((kind) => `@behest/client-ts-${platform}-${arch}${kind}`);
}

function load(): NativeModule {
  // Beside the package is where a working copy of Behest has it.
  const places = ["../behest.node", ...platformPackages()];
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      return require(place) as NativeModule;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") failures.push(error);
    }
  }
  throw failures.length > 0 ? broken(failures) : missing();
}

function broken(failures: unknown[]): Error {
  return new Error(`the native module of @behest/client-ts cannot be loaded: ${String(failures[0])}`, {
    cause: failures[0],
  });
}

function missing(): Error {
  const names = platformPackages().join(" or ");
  return new Error(
    `@behest/client-ts has no native module for ${process.platform} on ${process.arch}: install ${names}. ` +
      "npm leaves it out with --omit=optional, and when node_modules or the lock file come from another platform; " +
      "then remove both and install anew.",
  );
}
