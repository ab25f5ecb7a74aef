// What the modules of one client share.
import { type ResolvedConfig, nativeInit, readConfig } from "./config.js";
import { engine, run, sync } from "./engine.js";
import { BehestConfigError } from "./errors.js";
import { describe } from "./meta.js";
import { type NativeClient, type NativeStream, native } from "./native.js";
import { type CallOptions, nativeOptions, readOptions } from "./options.js";
import { warnOnce } from "./warnings.js";

/** A native client and what it runs with. */
export class Session {
  readonly native: NativeClient;
  readonly config: ResolvedConfig;

  constructor(client: NativeClient, warn?: (message: string) => void) {
    this.native = client;
    this.config = readConfig(client.config());
    for (const notice of client.notices()) warnOnce(notice, warn);
  }

  /** Makes a client from its options. */
  static open(init: { warn?: (message: string) => void }): Session {
    const options = nativeInit(init);
    return new Session(sync(() => new (native().Client)(engine(), options)), init.warn);
  }

  /** Makes a call whose answer is JSON. */
  async call<T>(name: string, parameters: object | string, options?: CallOptions): Promise<T> {
    this.refuseBrowser();
    const body = typeof parameters === "string" ? parameters : JSON.stringify(parameters);
    const said = readOptions(options);
    const text = nativeOptions(said);
    const delivery = await run((number) => this.native.call(number, name, body, text), said.signal);
    return describe(JSON.parse(delivery[2] ?? "null") as T, delivery[3]);
  }

  /** Returns a stream that is not asked for yet. */
  stream(): NativeStream {
    this.refuseBrowser();
    return sync(() => this.native.stream());
  }

  /** Fails where a page could read the private key: such a key signs for every user of the tenant. */
  refuseBrowser(): void {
    if (this.config.mode === "sign" && "window" in globalThis) {
      throw new BehestConfigError(
        "a private key must not reach a browser: mint tokens on your server and hand those out",
        { code: "browser" },
      );
    }
  }
}
