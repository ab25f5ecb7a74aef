// The client.
import { AuthModule, type MintResult } from "./auth.js";
import { ChatModule } from "./chat.js";
import type { BehestInit, Mode, ResolvedConfig } from "./config.js";
import { EmbeddingsModule } from "./embeddings.js";
import { type LocalGateway, type LocalInit, type Running, start } from "./local.js";
import { ModelsModule } from "./models.js";
import { Session } from "./session.js";
import { ThreadsModule } from "./threads.js";
import { UsageModule } from "./usage.js";
import { warnOnce } from "./warnings.js";

/** What the published `mintToken` takes. */
export interface LegacyMintOptions {
  /** The end user. */
  userId?: string;
  /** The end user's tier. */
  tier?: number | string;
  /** How long the token lives, in seconds. */
  ttl?: number;
  /** What it may do. */
  role?: "user" | "regular" | "admin" | "dashboard-service";
  /** The session that its calls belong to. */
  sessionId?: string;
}

/** What the published `mintToken` gives. */
export interface LegacyMintResult extends MintResult {
  /** The same as `token`. */
  access_token: string;
  /** The same as `ttl`. */
  expires_in: number;
}

/**
 * A client of a Behest gateway. One is enough for a process: it is for many end users at once, and keeps nothing of
 * one user for another.
 *
 * @example
 * ```ts
 * import { Behest } from "@behest/client-ts";
 *
 * // The key and the gateway come from BEHEST_KEY and BEHEST_BASE_URL.
 * const behest = new Behest();
 * const answer = await behest.chat.completions.create({
 *   messages: [{ role: "user", content: "Why is the sky blue?" }],
 *   user_id: "ada",
 * });
 * console.log(answer.choices[0]?.message.content);
 * ```
 */
export class Behest implements AsyncDisposable {
  /** What the client runs with. It holds no key. */
  readonly config: ResolvedConfig;
  /** How tokens come about: `apiKey` or `sign`. */
  readonly mode: Mode;
  /** Tokens for end users. */
  readonly auth: AuthModule;
  /** Chat completions. */
  readonly chat: ChatModule;
  /** Vectors of texts. */
  readonly embeddings: EmbeddingsModule;
  /** Conversations that the gateway remembers. */
  readonly threads: ThreadsModule;
  /** What was used, and what it cost. */
  readonly usage: UsageModule;
  /** Models that the project may call. */
  readonly models: ModelsModule;
  readonly #session: Session;
  readonly #warn: ((message: string) => void) | undefined;

  /**
   * Makes a client. Nothing is sent yet.
   *
   * @throws {@link BehestConfigError} `missing_env` names what to set, `bad_key_format`, `bad_base_url` and
   * `bad_value` what to correct.
   */
  constructor(init?: BehestInit);
  /** @internal */
  constructor(session: Session);
  constructor(init: BehestInit | Session = {}) {
    const session = init instanceof Session ? init : Session.open(init);
    this.#session = session;
    this.#warn = init instanceof Session ? undefined : init.warn;
    this.config = session.config;
    this.mode = session.config.mode;
    this.auth = new AuthModule(session);
    this.chat = new ChatModule(session);
    this.embeddings = new EmbeddingsModule(session);
    this.threads = new ThreadsModule(session);
    this.usage = new UsageModule(session);
    this.models = new ModelsModule(session);
  }

  /**
   * Starts a gateway inside this process and gives a client for it: for tests, scripts and notebooks. Providers come
   * from the environment, as for `behest serve`; with none an offline model answers.
   *
   * @throws {@link BehestConfigError} `local_gateway` when the data directory or the port cannot be used.
   *
   * @example
   * ```ts
   * await using behest = await Behest.local();
   * const answer = await behest.chat.completions.create({ messages: [{ role: "user", content: "Hello" }] });
   * console.log(answer.choices[0]?.message.content);
   * ```
   */
  static async local(init: LocalInit = {}): Promise<LocalBehest> {
    return new LocalBehest(await start(init));
  }

  /**
   * Gets a token for an end user, under the published names too.
   *
   * @deprecated Use `auth.mint`.
   *
   * @example
   * ```ts
   * const { access_token, expires_in } = await client.mintToken({ userId: "ada" });
   * console.log(access_token.length, expires_in);
   * ```
   */
  async mintToken(options: LegacyMintOptions = {}): Promise<LegacyMintResult> {
    warnOnce("`mintToken` is deprecated: use `auth.mint`", this.#warn);
    const minted = await this.auth.mint(options);
    return { ...minted, access_token: minted.token, expires_in: minted.ttl };
  }

  /**
   * Gives up the client's connections, once the calls under way are over. Later calls fail. A client that is not closed
   * keeps no process alive.
   *
   * @example
   * ```ts
   * const behest = new Behest();
   * console.log((await behest.models.list()).data.length);
   * await behest.close();
   * ```
   */
  async close(): Promise<void> {
    this.#session.native.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A client on a gateway inside this process: what {@link Behest.local} gives. */
export class LocalBehest extends Behest {
  /** The gateway's addresses and credentials. */
  readonly gateway: LocalGateway;
  readonly #running: Running;

  /** @internal */
  constructor(running: Running) {
    super(running.session);
    this.gateway = running.gateway;
    this.#running = running;
  }

  /** Closes the gateway: calls under way end, records are kept, and a temporary folder is removed. */
  override async close(): Promise<void> {
    await this.#running.close();
    await super.close();
  }
}
